//! One HTTP request to somebody else's machine.
//!
//! A name is resolved once, every address that came of it is checked, and the connection goes to one of these: a name that leads
//! elsewhere when it is asked again gains nothing. Redirects are not followed, proxies not asked, and of the answer only the status is
//! read.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::public::is_public;

/// How long a connection may take, and how long the answer.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(15);

const ALLOWED: &str = "allowed is https://HOST/PATH, or http://";

/// Where a webhook goes.
#[derive(Clone, Debug)]
pub(in crate::notify) struct Endpoint(Url);

/// Makes requests.
pub(in crate::notify) struct Client {
    tls: TlsConnector,
    /// Whether private networks may be reached.
    allow_private: bool,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// Says what is wrong and what is allowed, without the address, whose path may be a secret.
    pub(in crate::notify) fn read(address: &str, allow_private: bool) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|error| format!("that is no address ({error}); {ALLOWED}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{}: is not allowed; {ALLOWED}", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("a user and password are not sent: the signature tells who posts; {ALLOWED}"));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        match literal {
            Some(address) if !allow_private && !is_public(address) => Err(refused(&address.to_string())),
            _ => Ok(Self(url)),
        }
    }

    fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Scheme, host and port: the path may be a secret.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

fn refused(address: &str) -> String {
    format!(
        "{address} is this machine or in a private network, where webhooks go only with webhook_allow_private = true"
    )
}

impl Client {
    /// A client that trusts these authorities.
    ///
    /// # Errors
    /// Where TLS can't be set up at all.
    pub(in crate::notify) fn new(trusted: RootCertStore, allow_private: bool) -> Result<Self, String> {
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), allow_private })
    }

    /// Connects to the endpoint's machine, at an address that was checked.
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, String> {
        let (host, port) = (endpoint.host(), endpoint.port());
        let found = async {
            let found = lookup_host((host, port)).await;
            found.map(Iterator::collect).map_err(|error| format!("{host} can't be found: {error}"))
        };
        let addresses: Vec<SocketAddr> =
            timeout(CONNECT, found).await.map_err(|_| format!("{host} could not be looked up in time"))??;
        if let Some(private) = addresses.iter().find(|address| !self.allow_private && !is_public(address.ip())) {
            return Err(format!("{host} leads to {}; {}", private.ip(), refused("that address")));
        }
        match timeout(CONNECT, TcpStream::connect(addresses.as_slice())).await {
            Ok(connected) => connected.map_err(|error| format!("{endpoint} can't be reached: {error}")),
            Err(_) => Err(format!("{endpoint} did not accept the connection within {} s", CONNECT.as_secs())),
        }
    }

    /// Posts JSON and returns the answer's status.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub(super) async fn post(
        &self,
        endpoint: &Endpoint,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<StatusCode, String> {
        let stream = self.connect(endpoint).await?;
        let url = &endpoint.0;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::post(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("powercrud/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
        if !endpoint.is_encrypted() {
            return exchange(endpoint, stream, request).await;
        }
        let name = ServerName::try_from(endpoint.host().to_owned()).map_err(|error| error.to_string())?;
        match timeout(CONNECT, self.tls.connect(name, stream)).await {
            Ok(Ok(stream)) => exchange(endpoint, stream, request).await,
            Ok(Err(error)) => Err(format!("{endpoint} can't be trusted: {error}")),
            Err(_) => Err(format!("{endpoint} did not agree on encryption within {} s", CONNECT.as_secs())),
        }
    }
}

async fn exchange<S>(endpoint: &Endpoint, stream: S, request: Request<Full<Bytes>>) -> Result<StatusCode, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| format!("{endpoint} broke off: {error}");
    let answer = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(sender.send_request(request));
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // Where the other side closes at once, the answer may be here all the same.
            _ = &mut connection => answer.await,
        }
        .map(|answer| answer.status())
        .map_err(failed)
    };
    timeout(ANSWER, answer).await.map_err(|_| format!("{endpoint} did not answer within {} s", ANSWER.as_secs()))?
}
