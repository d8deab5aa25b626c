//! Where a broker is.

use url::Url;

use crate::error::{Error, Result};

/// The address of a broker: `redis://:PASSWORD@HOST:PORT/DATABASE`, `rediss://…` for TLS, `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or
/// `amqps://…` for TLS. It is never shown.
#[derive(Clone)]
pub struct Address {
    pub(crate) kind: Kind,
}

#[derive(Clone)]
pub(crate) enum Kind {
    Redis { client: Box<redis::Client>, database: i64 },
    Amqp { url: String },
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Redis { .. } => "redis",
            Kind::Amqp { .. } => "amqp",
        };
        f.debug_tuple("Address").field(&kind).finish()
    }
}

impl Address {
    /// Reads one. Nothing is connected to.
    ///
    /// ```
    /// use powercrud_celery::Address;
    ///
    /// assert!(Address::parse("amqp://guest:guest@localhost:5672//").is_ok());
    /// let mistake = Address::parse("http://user:hunter2@localhost").unwrap_err().to_string();
    /// assert!(mistake.contains("allowed is redis://") && !mistake.contains("hunter2"));
    /// ```
    ///
    /// # Errors
    /// [`Error::Address`], in words that tell no password.
    pub fn parse(text: &str) -> Result<Self> {
        let not = || {
            let allowed = "allowed is redis://:PASSWORD@HOST:PORT/DATABASE or amqp://USER:PASSWORD@HOST:PORT/VHOST, and rediss:// and amqps:// for TLS";
            Error::Address(format!("that is no address of Redis or RabbitMQ; {allowed}"))
        };
        let url = Url::parse(text).map_err(|_| not())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(not());
        }
        let kind = match url.scheme() {
            "redis" | "rediss" => {
                let client = redis::Client::open(text).map_err(|_| not())?;
                let database = client.get_connection_info().redis_settings().db();
                Kind::Redis { client: Box::new(client), database }
            }
            "amqp" | "amqps" | "pyamqp" => Kind::Amqp { url: amqp(url) },
            _ => return Err(not()),
        };
        Ok(Self { kind })
    }

    /// As [`Self::parse`], of a Redis alone, which keeps results.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn parse_redis(text: &str) -> Result<Self> {
        match Self::parse(text) {
            Ok(address @ Self { kind: Kind::Redis { .. } }) => Ok(address),
            _ => Err(Error::Address(
                "results are kept in Redis; allowed is redis://:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS"
                    .to_owned(),
            )),
        }
    }
}

/// As Celery reads it: no path, `/` and `//` mean the virtual host `/`.
fn amqp(url: Url) -> String {
    let vhost = match url.path() {
        "" | "/" | "//" => "%2f".to_owned(),
        path => path.trim_start_matches('/').replace('/', "%2f"),
    };
    let scheme = if url.scheme() == "amqps" { "amqps" } else { "amqp" };
    let credentials = match (url.username(), url.password()) {
        ("", _) => String::new(),
        (user, password) => format!("{user}:{}@", password.unwrap_or_default()),
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{credentials}{}{port}/{vhost}{query}", url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_hosts_as_celery_reads_them() {
        for (given, expected) in [
            ("amqp://localhost", "amqp://localhost/%2f"),
            ("amqp://guest:guest@localhost:5672//", "amqp://guest:guest@localhost:5672/%2f"),
            ("pyamqp://u:p@h/shop", "amqp://u:p@h/shop"),
            ("amqps://u:p%40@h//a?heartbeat=10", "amqps://u:p%40@h/a?heartbeat=10"),
        ] {
            assert_eq!(amqp(Url::parse(given).expect("a URL")), expected);
        }
    }

    #[test]
    fn what_is_no_address() {
        for given in ["", "localhost", "redis://", "redis://h/x", "mysql://h/db", "amqp:///x"] {
            assert!(Address::parse(given).is_err(), "{given}");
        }
        assert!(Address::parse_redis("amqp://h").is_err());
        assert_eq!(format!("{:?}", Address::parse("redis://:hunter2@h/3").expect("one")), "Address(\"redis\")");
    }
}
