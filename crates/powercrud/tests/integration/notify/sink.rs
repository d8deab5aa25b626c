//! A server that takes mail, and fails as a test says.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// How the server fails a mail.
#[derive(Clone, Copy)]
pub(super) enum Failing {
    /// It refuses the recipient with that line.
    Recipient(&'static str),
    /// It takes the whole mail and hangs up instead of saying so.
    AfterData,
    /// It hangs up at once.
    Greeting,
}

/// A mail as it came in.
#[derive(Clone)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) data: String,
}

impl Mail {
    /// The header of that name, unfolded.
    pub(super) fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().expect("a head").replace("\r\n ", " ");
        let found: Vec<_> = head.lines().filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect();
        assert_eq!(found.len(), 1, "{name} stands {} times in\n{head}", found.len());
        found[0].to_owned()
    }

    /// The part of that type, decoded.
    pub(super) fn part(&self, kind: &str) -> String {
        let start =
            self.data.find(&format!("Content-Type: {kind}")).unwrap_or_else(|| panic!("no {kind} in {}", self.data));
        let (head, body) = self.data[start..].split_once("\r\n\r\n").expect("a head and a body");
        let body = body.split("\r\n--").next().expect("an end");
        if head.contains("quoted-printable") { unquoted(body) } else { body.to_owned() }
    }
}

/// Quoted-printable (RFC 2045), undone.
fn unquoted(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        if *byte == b'=' {
            let hex = std::str::from_utf8(&tail[..2]).expect("digits");
            bytes.push(u8::from_str_radix(hex, 16).expect("hexadecimal"));
            rest = &tail[2..];
        } else {
            bytes.push(*byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[derive(Clone)]
pub(super) struct Sink {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    /// How the next mails fail.
    failing: Arc<Mutex<VecDeque<Failing>>>,
}

impl Sink {
    pub(super) async fn start(failing: impl IntoIterator<Item = Failing>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let sink = Self {
            address: listener.local_addr().expect("an address"),
            mails: Arc::default(),
            failing: Arc::new(Mutex::new(failing.into_iter().collect())),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                // Who hangs up early is no fault of the server's.
                tokio::spawn(async move { sink.serve(stream).await });
            }
        });
        sink
    }

    pub(super) fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    /// The mails that came in whole, also those that were not confirmed.
    pub(super) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().expect("mails").clone()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let failing = self.failing.lock().expect("failing").pop_front();
        if matches!(failing, Some(Failing::Greeting)) {
            return Ok(());
        }
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 sink\r\n").await?;
        let mut mail = Mail { from: String::new(), to: Vec::new(), data: String::new() };
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            let answer = match line.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => "250-sink\r\n250 8BITMIME".to_owned(),
                "MAIL" => {
                    line.clone_into(&mut mail.from);
                    "250 ok".to_owned()
                }
                "RCPT" => match failing {
                    Some(Failing::Recipient(answer)) => answer.to_owned(),
                    _ => {
                        mail.to.push(line.to_owned());
                        "250 ok".to_owned()
                    }
                },
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    loop {
                        let mut line = String::new();
                        if stream.read_line(&mut line).await? == 0 {
                            return Ok(());
                        }
                        if line == ".\r\n" {
                            break;
                        }
                        mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    }
                    self.mails.lock().expect("mails").push(mail.clone());
                    if matches!(failing, Some(Failing::AfterData)) {
                        return Ok(());
                    }
                    "250 taken".to_owned()
                }
                "QUIT" => "221 bye".to_owned(),
                _ => "250 ok".to_owned(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }
}
