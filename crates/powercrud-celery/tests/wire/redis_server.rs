//! A Redis for each test.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// It goes with its test.
pub(crate) struct RedisServer {
    process: Child,
    pub(crate) port: u16,
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl RedisServer {
    /// `None` where there is no Redis.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
        Self::start_at(port)
    }

    pub(crate) fn start_at(port: u16) -> Option<Self> {
        let options = ["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()];
        let process = Command::new("redis-server").args(options).stdout(Stdio::null()).spawn().ok()?;
        let server = Self { process, port };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !server.answers() {
            assert!(Instant::now() < deadline, "no Redis at {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut answer = String::new();
        stream.write_all(b"PING\r\nQUIT\r\n").is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.contains("PONG")
    }

    pub(crate) fn url(&self, database: u8) -> String {
        format!("redis://127.0.0.1:{}/{database}", self.port)
    }
}
