//! A TCP proxy that lets a COMMIT through to the server, waits for the answer, and cuts the connection instead of passing it on; or that
//! falls silent: connections stay open at both ends, and nothing passes any more.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use sqlx::{
    ConnectOptions as _,
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::support::Kind;

/// Ends with its connections when it is dropped.
pub(super) struct Proxy {
    /// The database by way of the proxy.
    pub(super) url: String,
    lost: Arc<AtomicUsize>,
    /// Cancelled where the connections of now are to fall silent.
    hush: Arc<Mutex<CancellationToken>>,
    _connections: JoinSet<()>,
}

impl Proxy {
    /// How many answers it has kept back.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    /// From now on nothing passes on the connections there are. New ones work.
    pub(super) fn fall_silent(&self) {
        let mut hush = self.hush.lock().expect("no panic");
        std::mem::take(&mut *hush).cancel();
    }
}

/// Cuts each `every`th COMMIT off from its answer.
pub(super) async fn start(kind: Kind, url: &str, every: usize) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    // Without TLS, so that the proxy can read along.
    let (server, url) = match kind {
        Kind::Postgres => {
            let options: PgConnectOptions = url.parse().expect("an address");
            let options = options.ssl_mode(PgSslMode::Disable);
            (options.to_url_lossy(), options.host("127.0.0.1").port(port).to_url_lossy())
        }
        Kind::Mysql => {
            let options: MySqlConnectOptions = url.parse().expect("an address");
            let options = options.ssl_mode(MySqlSslMode::Disabled);
            (options.to_url_lossy(), options.host("127.0.0.1").port(port).to_url_lossy())
        }
        Kind::Sqlite => panic!("a file has no connection to cut"),
    };
    let server = format!("{}:{}", server.host_str().expect("a host"), server.port().expect("a port"));
    let (commits, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut connections = JoinSet::new();
    let counted = Arc::clone(&lost);
    let hush = Arc::new(Mutex::new(CancellationToken::new()));
    let hushed = Arc::clone(&hush);
    connections.spawn(async move {
        let mut passing = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.expect("a server that answers");
            let hush = hushed.lock().expect("no panic").clone();
            let (commits, counted) = (Arc::clone(&commits), Arc::clone(&counted));
            passing.spawn(async move {
                let (mut client, mut server) = (client, server);
                tokio::select! {
                    () = pass(&mut client, &mut server, every, commits, counted) => {}
                    // The sockets stay open.
                    () = hush.cancelled() => std::future::pending().await,
                }
            });
        }
    });
    Proxy { url: url.to_string(), lost, hush, _connections: connections }
}

async fn pass(
    client: &mut TcpStream,
    server: &mut TcpStream,
    every: usize,
    commits: Arc<AtomicUsize>,
    lost: Arc<AtomicUsize>,
) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            Ok(length) = client.read(&mut asked) => {
                if length == 0 || server.write_all(&asked[..length]).await.is_err() {
                    return;
                }
                let is_commit = asked[..length].windows(6).any(|word| word == b"COMMIT");
                if is_commit && (commits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every) {
                    if server.read(&mut answered).await.is_ok_and(|length| length > 0) {
                        lost.fetch_add(1, Ordering::Relaxed);
                    }
                    return;
                }
            }
            Ok(length) = server.read(&mut answered) => {
                if length == 0 || client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}
