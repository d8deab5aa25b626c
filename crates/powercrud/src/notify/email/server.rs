//! The server that takes mail, as an address says.

use std::{error::Error as _, fmt, time::Duration};

use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// How long the server may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What an address may be.
const ALLOWED: &str =
    "allowed is smtps://USER:PASSWORD@HOST:PORT, or smtp:// with ?tls=required, opportunistic or none";

/// Where mail is handed in.
pub(in crate::notify) struct Server {
    host: String,
    port: u16,
    security: Security,
    tls: Tls,
    login: Option<Credentials>,
}

/// When the connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    /// From its first byte.
    Implicit,
    /// By STARTTLS, or no mail is sent.
    Required,
    /// By STARTTLS where the server offers it.
    Opportunistic,
    /// Never.
    None,
}

impl Server {
    /// Reads an address; `trusted` are certificates in PEM form beside those that browsers trust.
    ///
    /// # Errors
    /// Says what is wrong and what is allowed, without the password.
    pub(in crate::notify) fn read(address: &str, trusted: Option<&[u8]>) -> Result<Self, String> {
        let hint = "in USER and PASSWORD all but letters and digits is written as %40 is for @";
        let url = Url::parse(address).map_err(|error| format!("that is no address ({error}); {ALLOWED}; {hint}"))?;
        let mut tls = None;
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("tls", "required") => tls = Some(Security::Required),
                ("tls", "opportunistic") => tls = Some(Security::Opportunistic),
                ("tls", "none") => tls = Some(Security::None),
                ("tls", other) => return Err(format!("tls={other} is not known; {ALLOWED}")),
                (name, _) => return Err(format!("{name:?} is not known; {ALLOWED}")),
            }
        }
        let security = match (url.scheme(), tls) {
            ("smtps", None) => Security::Implicit,
            ("smtps", Some(_)) => {
                return Err(format!("smtps is always encrypted, so tls has nothing to say; {ALLOWED}"));
            }
            ("smtp", tls) => tls.unwrap_or(Security::Required),
            (scheme, _) => return Err(format!("{scheme}: is not allowed; {ALLOWED}")),
        };
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| format!("there is no host; {ALLOWED}"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(format!("nothing may follow the port; {ALLOWED}"));
        }
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
            decoded.map_err(|_| format!("user or password is not UTF-8; {ALLOWED}"))
        };
        let login = match (decode(url.username())?, url.password().map(decode).transpose()?) {
            (user, Some(password)) if !user.is_empty() => Some(Credentials::new(user, password)),
            (user, None) if user.is_empty() => None,
            _ => return Err(format!("a user comes with a password, and a password with a user; {ALLOWED}")),
        };
        let may_be_read = matches!(security, Security::Opportunistic | Security::None);
        if login.is_some() && may_be_read && !is_this_machine(&host) {
            return Err(format!(
                "a password goes to another machine only where the connection is encrypted; {ALLOWED}"
            ));
        }
        let tls = encryption(security, &host, trusted)?;
        let port = url.port().unwrap_or(match security {
            Security::Implicit => 465,
            Security::Required => 587,
            Security::Opportunistic | Security::None => 25,
        });
        Ok(Self { host, port, security, tls, login })
    }

    /// A connection is made for each mail.
    pub(in crate::notify) fn transport(&self) -> AsyncSmtpTransport<Tokio1Executor> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(self.tls.clone())
            .timeout(Some(TIMEOUT));
        if let Some(login) = &self.login {
            builder = builder.credentials(login.clone());
        }
        builder.build()
    }
}

fn encryption(security: Security, host: &str, trusted: Option<&[u8]>) -> Result<Tls, String> {
    if security == Security::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(pem) = trusted {
        let certificate = Certificate::from_pem(pem).map_err(|error| format!("tls_ca_file: {error}"))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(|error| in_words(&error))?;
    Ok(match security {
        Security::Implicit => Tls::Wrapper(parameters),
        Security::Required => Tls::Required(parameters),
        Security::Opportunistic | Security::None => Tls::Opportunistic(parameters),
    })
}

fn is_this_machine(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

/// Without user and password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let security = match self.security {
            Security::Implicit => "encrypted",
            Security::Required => "STARTTLS required",
            Security::Opportunistic => "STARTTLS where offered",
            Security::None => "not encrypted",
        };
        let login = if self.login.is_some() { "with login" } else { "without login" };
        write!(f, "{} port {}, {security}, {login}", self.host, self.port)
    }
}

/// An error with its causes.
pub(in crate::notify) fn in_words(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Result<&str, &str>) {
        match (Server::read(address, None), expected) {
            (Ok(server), Ok(expected)) => assert_eq!(server.to_string(), expected),
            (Err(mistake), Err(expected)) => {
                assert!(mistake.contains(expected) && mistake.contains("allowed is smtps://"), "{mistake}");
                assert!(!mistake.contains("s3cret"), "{mistake}");
            }
            (Ok(server), Err(_)) => panic!("{address} was taken: {server}"),
            (Err(mistake), Ok(_)) => panic!("{address}: {mistake}"),
        }
    }

    #[test]
    fn addresses_say_how_the_server_is_spoken_to() {
        check("smtps://ann:s3cret@mail.example.org", Ok("mail.example.org port 465, encrypted, with login"));
        check("smtp://mail.example.org", Ok("mail.example.org port 587, STARTTLS required, without login"));
        check(
            "smtp://a%40b:p%2Fw@mail.example.org:2525?tls=required",
            Ok("mail.example.org port 2525, STARTTLS required, with login"),
        );
        check("smtp://mail?tls=opportunistic", Ok("mail port 25, STARTTLS where offered, without login"));
        check("smtp://ann:s3cret@localhost:1025?tls=none", Ok("localhost port 1025, not encrypted, with login"));
        check("smtp://[::1]:1025?tls=none", Ok("::1 port 1025, not encrypted, without login"));
        check("smtp://ann:s3cret@mail.example.org?tls=none", Err("only where the connection is encrypted"));
        check("smtp://ann:s3cret@mail.example.org?tls=opportunistic", Err("only where the connection is encrypted"));
        check("smtp://mail.example.org?tls=yes", Err("tls=yes is not known"));
        check("smtps://mail.example.org?tls=none", Err("smtps is always encrypted"));
        check("smtp://mail.example.org?ttl=3", Err("\"ttl\" is not known"));
        check("smtp://ann@mail.example.org", Err("a user comes with a password"));
        check("http://ann:s3cret@mail.example.org", Err("http: is not allowed"));
        check("smtp:///s3cret", Err("there is no host"));
        check("smtp://mail/inbox", Err("nothing may follow the port"));
        check("mail.example.org", Err("that is no address"));
    }
}
