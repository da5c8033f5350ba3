use super::*;

fn client(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 50_000)
}

fn fail(throttle: &Throttle, address: &str, times: usize, now: Instant) -> Duration {
    let mut last = Duration::ZERO;
    for _ in 0..times {
        last = throttle.failed(client(address), "orders", now);
    }
    last
}

#[test]
fn a_few_slips_cost_nothing_and_more_cost_twice_as_much_each_time() {
    let (throttle, now) = (Throttle::new(20), Instant::now());
    assert_eq!(fail(&throttle, "10.0.0.1", 3, now), Duration::ZERO);
    assert_eq!(fail(&throttle, "10.0.0.1", 1, now), FIRST_DELAY);
    assert_eq!(fail(&throttle, "10.0.0.1", 1, now), FIRST_DELAY * 2);
    assert_eq!(fail(&throttle, "10.0.0.1", 10, now), LONGEST_DELAY);
}

#[test]
fn an_address_that_goes_on_is_not_looked_at_until_time_has_passed() {
    let (throttle, now) = (Throttle::new(20), Instant::now());
    fail(&throttle, "10.0.0.1", 20, now);
    assert_eq!(throttle.check(client("10.0.0.1"), "orders", now), Ok(()));
    fail(&throttle, "10.0.0.1", 2, now);
    assert_eq!(
        throttle.check(client("10.0.0.1"), "orders", now),
        Err(TooMany(Duration::from_secs(20)))
    );
    assert_eq!(throttle.check(client("10.0.0.2"), "orders", now), Ok(()), "another address");
    let later = now + Duration::from_secs(20);
    assert_eq!(throttle.check(client("10.0.0.1"), "orders", later), Ok(()));
}

#[test]
fn a_connection_under_attack_stays_open_to_whoever_did_not_fail() {
    let (throttle, now) = (Throttle::new(20), Instant::now());
    for host in 0..31 {
        fail(&throttle, &format!("10.0.1.{host}"), 10, now);
    }
    assert!(throttle.check(client("10.0.1.1"), "orders", now).is_err());
    assert_eq!(throttle.check(client("10.0.1.1"), "payments", now), Ok(()));
    assert_eq!(throttle.check(client("10.0.9.9"), "orders", now), Ok(()));
}

#[test]
fn one_hosts_ipv6_addresses_are_one() {
    let (throttle, now) = (Throttle::new(1), Instant::now());
    fail(&throttle, "2001:db8:1:2::1", 2, now);
    assert!(throttle.check(client("2001:db8:1:2:3:4:5:6"), "orders", now).is_err());
    assert!(throttle.check(client("2001:db8:1:3::1"), "orders", now).is_ok());
    fail(&throttle, "::ffff:10.0.0.1", 2, now);
    assert!(throttle.check(client("10.0.0.1"), "orders", now).is_err());
}

#[test]
fn the_table_is_bounded_and_those_beyond_it_are_counted_together() {
    let (throttle, now) = (Throttle::new(20), Instant::now());
    for number in 0..MOST_BUCKETS + 100 {
        let name = format!("made-up-{number}");
        throttle.failed(client("10.0.0.1"), &name, now);
    }
    let size = throttle.buckets.lock().unwrap().by_place.len();
    assert!(size <= MOST_BUCKETS + 1, "{size}");
    fail(&throttle, "10.7.7.7", 21, now);
    assert!(throttle.check(client("10.8.8.8"), "orders", now).is_err(), "one bucket for the rest");
    let later = now + Duration::from_secs(200_000);
    assert_eq!(throttle.check(client("10.0.0.1"), "orders", later), Ok(()));
}

#[test]
fn no_name_that_a_client_makes_up_is_kept() {
    let (throttle, now) = (Throttle::new(20), Instant::now());
    let name = "made-up".repeat(6000);
    throttle.failed(client("10.0.0.1"), &name, now);
    let kept = format!("{throttle:?}");
    assert!(kept.contains("Connection(") && !kept.contains("made-up"), "{} bytes", kept.len());
}
