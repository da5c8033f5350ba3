//! What programs that the gateway starts do not get from whoever started the gateway.

/// Keeps the files back that are open already, but for standard input and output: everything that is opened later closes by
/// itself where a program is started.
pub fn keep_back() {
    close_fds::set_fds_cloexec(3, &[]);
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::io::{FdFlags, fcntl_setfd};

    use super::*;

    #[test]
    fn a_program_inherits_no_file_that_was_open_when_the_gateway_started() {
        let file = tempfile::tempfile().unwrap();
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        keep_back();
        let open = Command::new("ls").arg("/proc/self/fd").stdin(Stdio::null()).output().unwrap();
        // The last is what it lists by.
        assert_eq!(String::from_utf8(open.stdout).unwrap(), "0\n1\n2\n3\n");
    }
}
