//! Somebody else's server that webhooks are posted to, which answers as a test says.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tokio::sync::{Notify, watch};

/// One request that came in.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("there is no header {name}")).to_str().expect("a text")
    }
}

/// What the server answers.
#[derive(Clone)]
pub(super) enum Answer {
    Status(u16),
    /// That status, once told to.
    Later(u16, Arc<Notify>),
}

#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    received: watch::Sender<Vec<Received>>,
    /// The next answers; 204 where there are none.
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Receiver {
    pub(super) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver = Self {
            address: listener.local_addr().expect("an address"),
            received: watch::Sender::new(Vec::new()),
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
        };
        let router = Router::new().fallback(answer).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks/t0ken?shop=1", self.address)
    }

    /// The requests so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Waits until there were so many requests.
    pub(super) async fn when(&self, count: usize) -> Vec<Received> {
        let mut watched = self.received.subscribe();
        let enough = watched.wait_for(|received| received.len() >= count);
        tokio::time::timeout(Duration::from_secs(30), enough).await.expect("requests come").expect("it runs").clone()
    }
}

async fn answer(State(receiver): State<Receiver>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let received = Received {
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    };
    let next = receiver.answers.lock().expect("answers").pop_front();
    receiver.received.send_modify(|all| all.push(received));
    let status = match next {
        None => 204,
        Some(Answer::Status(status)) => status,
        Some(Answer::Later(status, told)) => {
            told.notified().await;
            status
        }
    };
    let status = StatusCode::from_u16(status).expect("a status");
    // Whoever follows redirects comes back here and is counted.
    (status, [(header::LOCATION, "/elsewhere")]).into_response()
}
