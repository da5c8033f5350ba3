use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;

use super::*;

/// Passes bytes on, but waits for a word from outside before the first byte `?` of the client: only while it is there
/// where it `holds`.
#[derive(Default)]
struct Pass {
    gate: Option<oneshot::Receiver<()>>,
    withdrawn: Arc<AtomicBool>,
    holds: bool,
    hung_up: Vec<Peer>,
}

/// Says when the future that holds it is dropped unfinished.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Machine for Pass {
    type Answer = ();
    type Control = &'static str;

    fn receive(&mut self, from: Peer, input: &mut BytesMut, output: &mut Output<()>) -> Progress {
        if from == Peer::Client
            && input.first() == Some(&b'?')
            && let Some(gate) = self.gate.take()
        {
            let flag = Flag(Arc::clone(&self.withdrawn));
            let word = Box::pin(async move {
                let _ = gate.await;
                std::mem::forget(flag);
            });
            if self.holds {
                output.hold(word);
            } else {
                output.wait(Peer::Client, word);
            }
            return Progress::Waits;
        }
        let queue = match from {
            Peer::Client => &mut output.server,
            Peer::Server => &mut output.client,
        };
        queue.push(input.split());
        Progress::Needs(1)
    }

    fn answer(&mut self, _: Peer, (): (), _: &mut Output<()>) {}

    fn control(&mut self, word: &'static str, output: &mut Output<()>) {
        output.client.extend(word.as_bytes());
        if word == "bye" {
            output.end();
        }
    }

    fn hung_up(&mut self, peer: Peer, output: &mut Output<()>) {
        self.hung_up.push(peer);
        output.end();
    }
}

struct Ends {
    client: DuplexStream,
    server: DuplexStream,
    control: mpsc::Sender<&'static str>,
    running: tokio::task::JoinHandle<(Pass, End)>,
}

fn start(machine: Pass, room: usize) -> Ends {
    let (client, near_client) = tokio::io::duplex(room);
    let (server, near_server) = tokio::io::duplex(room);
    let (control, receiver) = mpsc::channel(1);
    let running = tokio::spawn(drive(Drive {
        machine,
        client: Link::new(Box::new(near_client)),
        server: Link::new(Box::new(near_server)),
        control: receiver,
        patience: Duration::from_secs(300),
    }));
    Ends { client, server, control, running }
}

async fn read(stream: &mut DuplexStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn bytes_pass_both_ways() {
    let mut ends = start(Pass::default(), 64);
    ends.client.write_all(b"ping").await.unwrap();
    assert_eq!(read(&mut ends.server, 4).await, b"ping");
    ends.server.write_all(b"pong").await.unwrap();
    assert_eq!(read(&mut ends.client, 4).await, b"pong");
}

#[tokio::test]
async fn two_peers_that_both_write_much_before_they_read_do_not_lock_up() {
    let Ends { client, server, .. } = start(Pass::default(), 1024);
    const MUCH: usize = 3 << 20;
    let flood = |stream: DuplexStream| {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let write =
            tokio::spawn(async move { writer.write_all(&vec![1; MUCH]).await.map(|()| writer) });
        let read =
            tokio::spawn(
                async move { reader.read_exact(&mut vec![0; MUCH]).await.map(|_| reader) },
            );
        (write, read)
    };
    let ((w1, r1), (w2, r2)) = (flood(client), flood(server));
    let (w1, w2, r1, r2) = tokio::join!(w1, w2, r1, r2);
    assert!(
        w1.unwrap().is_ok() && w2.unwrap().is_ok() && r1.unwrap().is_ok() && r2.unwrap().is_ok()
    );
}

#[tokio::test]
async fn a_client_that_never_reads_stops_the_server_from_sending_more() {
    let mut ends = start(Pass::default(), 1024);
    let mut sent = 0;
    let piece = vec![0; 64 * 1024];
    tokio::time::pause();
    while let Ok(wrote) =
        tokio::time::timeout(Duration::from_secs(1), ends.server.write_all(&piece)).await
    {
        wrote.unwrap();
        sent += piece.len();
        assert!(sent < 4 << 20, "the gateway keeps what nobody reads");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_for_too_long_is_given_up() {
    let Ends { client, mut server, running, control } = start(Pass::default(), 64);
    server.write_all(&[b'x'; 64]).await.unwrap();
    server.write_all(&[b'x'; 64]).await.unwrap();
    let (_, end) = running.await.unwrap();
    assert!(
        matches!(end, End::Failed(Peer::Client, error) if error.kind() == io::ErrorKind::TimedOut)
    );
    drop((client, server, control));
}

#[tokio::test]
async fn the_other_direction_flows_while_one_waits() {
    let (open, gate) = oneshot::channel();
    let mut ends = start(Pass { gate: Some(gate), ..Pass::default() }, 64);
    ends.client.write_all(b"?late").await.unwrap();
    ends.server.write_all(b"meanwhile").await.unwrap();
    assert_eq!(read(&mut ends.client, 9).await, b"meanwhile");
    open.send(()).unwrap();
    assert_eq!(read(&mut ends.server, 5).await, b"?late");
}

#[tokio::test]
async fn a_client_that_leaves_while_it_is_held_is_noticed_and_its_wait_dropped() {
    let (_open, gate) = oneshot::channel();
    let withdrawn = Arc::new(AtomicBool::new(false));
    let machine = Pass {
        gate: Some(gate),
        holds: true,
        withdrawn: Arc::clone(&withdrawn),
        ..Pass::default()
    };
    let Ends { mut client, running, server, .. } = start(machine, 64);
    client.write_all(b"?").await.unwrap();
    drop(client);
    let (machine, end) = running.await.unwrap();
    assert_eq!(machine.hung_up, [Peer::Client]);
    assert!(matches!(end, End::Machine));
    assert!(withdrawn.load(Ordering::Relaxed));
    drop(server);
}

#[tokio::test]
async fn what_a_client_sent_before_it_left_is_handled_first() {
    let (open, gate) = oneshot::channel();
    let Ends { mut client, running, mut server, .. } =
        start(Pass { gate: Some(gate), ..Pass::default() }, 64);
    client.write_all(b"?last words").await.unwrap();
    drop(client);
    server.write_all(b"x").await.unwrap();
    open.send(()).unwrap();
    assert_eq!(read(&mut server, 11).await, b"?last words");
    let (machine, _) = running.await.unwrap();
    assert_eq!(machine.hung_up, [Peer::Client]);
}

#[tokio::test]
async fn a_word_from_outside_reaches_the_machine() {
    let mut ends = start(Pass::default(), 64);
    ends.control.send("hello").await.unwrap();
    assert_eq!(read(&mut ends.client, 5).await, b"hello");
}

#[tokio::test]
async fn the_last_words_of_a_session_that_is_told_to_end_reach_the_client() {
    let mut ends = start(Pass::default(), 2);
    ends.control.send("bye").await.unwrap();
    let mut words = Vec::new();
    ends.client.read_to_end(&mut words).await.unwrap();
    assert_eq!(words, b"bye");
}
