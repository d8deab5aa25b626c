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
    troubles: Arc<Troubles>,
    _connections: JoinSet<()>,
}

/// What goes wrong.
struct Troubles {
    /// Of so many COMMITs the last is cut off from its answer.
    every: usize,
    commits: AtomicUsize,
    lost: AtomicUsize,
    /// The next connection that is told COMMIT is told one message less than this, and all fall silent after the answer; 0 is never.
    fuse: AtomicUsize,
    /// Cancelled where the connections of now are to fall silent.
    hush: Mutex<CancellationToken>,
}

impl Troubles {
    fn hush(&self) -> CancellationToken {
        self.hush.lock().expect("no panic").clone()
    }

    /// From now on nothing passes on the connections there are. New ones work.
    fn fall_silent(&self) {
        let mut hush = self.hush.lock().expect("no panic");
        std::mem::take(&mut *hush).cancel();
    }
}

impl Proxy {
    /// How many answers it has kept back.
    pub(super) fn lost(&self) -> usize {
        self.troubles.lost.load(Ordering::Relaxed)
    }

    /// From now on nothing passes on the connections there are. New ones work.
    pub(super) fn fall_silent(&self) {
        self.troubles.fall_silent();
    }

    /// The same once somebody has been told COMMIT and so many messages more, and has answered; returns when it is so.
    pub(super) async fn fall_silent_after(&self, messages: usize) {
        let hush = self.troubles.hush();
        self.troubles.fuse.store(messages + 1, Ordering::SeqCst);
        hush.cancelled().await;
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
    let troubles = Arc::new(Troubles {
        every,
        commits: AtomicUsize::new(0),
        lost: AtomicUsize::new(0),
        fuse: AtomicUsize::new(0),
        hush: Mutex::default(),
    });
    let mut connections = JoinSet::new();
    let shared = Arc::clone(&troubles);
    connections.spawn(async move {
        let mut passing = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.expect("a server that answers");
            let troubles = Arc::clone(&shared);
            let hush = troubles.hush();
            passing.spawn(async move {
                let (mut client, mut server) = (client, server);
                tokio::select! {
                    () = pass(&mut client, &mut server, &troubles) => {}
                    // The sockets stay open.
                    () = hush.cancelled() => std::future::pending().await,
                }
            });
        }
    });
    Proxy { url: url.to_string(), troubles, _connections: connections }
}

async fn pass(client: &mut TcpStream, server: &mut TcpStream, troubles: &Troubles) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    // Messages until silence.
    let mut left = 0;
    loop {
        tokio::select! {
            Ok(length) = client.read(&mut asked) => {
                if length == 0 || server.write_all(&asked[..length]).await.is_err() {
                    return;
                }
                let is_commit = asked[..length].windows(6).any(|word| word == b"COMMIT");
                if is_commit && (troubles.commits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(troubles.every) {
                    if server.read(&mut answered).await.is_ok_and(|length| length > 0) {
                        troubles.lost.fetch_add(1, Ordering::Relaxed);
                    }
                    return;
                }
                if is_commit && left == 0 {
                    left = troubles.fuse.swap(0, Ordering::SeqCst);
                }
                if left == 1 {
                    if let Ok(length) = server.read(&mut answered).await {
                        let _ = client.write_all(&answered[..length]).await;
                    }
                    troubles.fall_silent();
                }
                left = left.saturating_sub(1);
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
