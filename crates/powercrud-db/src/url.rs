//! Addresses of databases: as they are accepted, and as they are shown.

use std::ops::Range;

/// The address with `****` for its password, also where that is not encoded as it should be, or the address none that is accepted.
pub fn mask_password(url: &str) -> String {
    let words = words(url);
    if !words.is_empty() {
        let masked = words.iter().rev().fold(url.to_owned(), |mut text, place| {
            text.replace_range(place.clone(), "****");
            text
        });
        return masked;
    }
    let Some(password) = password(url) else { return mask_parameters(url) };
    format!("{}****{}", &url[..password.start], mask_parameters(&url[password.end..]))
}

/// `text`, which speaks of the address, without its password.
pub(crate) fn without_password(text: &str, url: &str) -> String {
    let text = text.replace(url, &mask_password(url));
    let mut secrets: Vec<&str> = password(url).map(|place| &url[place]).into_iter().collect();
    secrets.extend(words(url).into_iter().map(|place| &url[place]));
    secrets.extend(parameters(url).filter(|(name, _)| is_password(name)).map(|(_, value)| value));
    // One or two letters are in every text; where they are a password, the address was all that told so.
    secrets.retain(|secret| secret.chars().count() > 2);
    secrets.iter().fold(text, |text, secret| text.replace(secret, "****"))
}

/// Where passwords stand in what is no address but a list of words and values, as other drivers take it: `host=db password=…`.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if text.contains("://") {
        return found;
    }
    // Of the same length, so that places are the same.
    let lower = text.to_ascii_lowercase();
    for word in ["password", "passwd", "pwd"] {
        for (place, _) in lower.match_indices(word) {
            let rest = &text[place + word.len()..];
            let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else { continue };
            let start = text.len() - value.len();
            let length = match value.chars().next() {
                Some(quote @ ('\'' | '"')) => value[1..].find(quote).map(|end| end + 2),
                _ => value.find([' ', '\t', '\n', ';', '&']),
            };
            found.push(start..start + length.unwrap_or(value.len()));
        }
    }
    found.sort_by_key(|place| place.start);
    found.dedup_by(|later, earlier| later.start < earlier.end);
    found
}

/// Where the password stands: between the first colon and the last `@` of what names user and host, whatever the kind of database is
/// said to be.
fn password(url: &str) -> Option<Range<usize>> {
    let end = url.rfind('@')?;
    let (scheme, rest) = url[..end].split_once(':')?;
    let slashes = rest.len() - rest.trim_start_matches('/').len();
    let start = scheme.len() + 1 + slashes;
    match url[start..end].find(':') {
        Some(colon) => Some(start + colon + 1..end),
        // "root:PASSWORD@host": what looks like a kind is a user.
        None if slashes == 0 && scheme != "sqlite" => Some(start..end),
        None => None,
    }
}

/// PostgreSQL's drivers take it as a parameter too.
fn mask_parameters(url: &str) -> String {
    let Some((path, parameters)) = url.split_once('?') else { return url.to_owned() };
    let masked = parameters.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if is_password(name) => format!("{name}=****"),
        _ => parameter.to_owned(),
    });
    format!("{path}?{}", masked.collect::<Vec<_>>().join("&"))
}

fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let parameters = url.split_once('?').map(|(_, parameters)| parameters).unwrap_or_default();
    parameters.split('&').filter_map(|parameter| parameter.split_once('='))
}

fn is_password(name: &str) -> bool {
    name.to_ascii_lowercase().contains("password")
}

/// Accepts a bare path as SQLite, `postgresql:` and `mariadb:` as their usual names.
pub(crate) fn normalize_url(url: &str) -> std::result::Result<String, String> {
    let allowed =
        "allowed are sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE and mysql://USER:PASSWORD@HOST/DATABASE";
    match url.split_once(':').map(|(scheme, _)| scheme) {
        // SQLite takes no name for a new temporary database, another for each connection.
        Some("sqlite") if matches!(url.split('?').next(), Some("sqlite:" | "sqlite://")) => {
            Err(format!("it names no file; {allowed}"))
        }
        Some("sqlite" | "postgres" | "mysql") => Ok(url.to_owned()),
        Some("postgresql") => Ok(url.replacen("postgresql", "postgres", 1)),
        Some("mariadb") => Ok(url.replacen("mariadb", "mysql", 1)),
        Some(scheme) if scheme.len() > 1 && url.contains("://") => {
            Err(format!("databases of kind {scheme:?} are not supported; {allowed}"))
        }
        _ if std::path::Path::new(url).exists() => Ok(format!("sqlite:{url}")),
        _ => Err(format!("that is neither an address nor an existing SQLite file; {allowed}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for (url, expected) in [
            ("postgres://ann:s3cret@db/shop", "postgres://ann:****@db/shop"),
            ("postgres://ann:p@ss:w@db/shop", "postgres://ann:****@db/shop"),
            ("postgres://ann:s3/cr?et@db/shop", "postgres://ann:****@db/shop"),
            ("postgres://db/shop?user=ann&password=s3cret", "postgres://db/shop?user=ann&password=****"),
            ("postgres://ann@db:5432/shop", "postgres://ann@db:5432/shop"),
            ("postgres://db:5432/shop", "postgres://db:5432/shop"),
            ("mysql://root@127.0.0.1/test", "mysql://root@127.0.0.1/test"),
            ("sqlite:///tmp/a@b:c.db", "sqlite:///tmp/a@b:c.db"),
            ("sqlite:a@b.db", "sqlite:a@b.db"),
            ("postgres://ann:s3cret#Word@db/shop", "postgres://ann:****@db/shop"),
            ("postgres:/ann:s3cret@db/shop", "postgres:/ann:****@db/shop"),
            ("sqlite://ann:s3cret@/shop", "sqlite://ann:****@/shop"),
            ("oracle://ann:s3cret@db/shop", "oracle://ann:****@db/shop"),
            ("root:s3cret@db/shop", "root:****@db/shop"),
            ("postgres://ann:s3cret@db/shop?sslpassword=other", "postgres://ann:****@db/shop?sslpassword=****"),
            ("host=127.0.0.1 password=s3cret", "host=127.0.0.1 password=****"),
            ("Server=db;Pwd=s3:cr@et;Database=x", "Server=db;Pwd=****;Database=x"),
            ("host=db PASSWORD = 's3 cret' user=ann", "host=db PASSWORD = **** user=ann"),
            ("shop.db", "shop.db"),
        ] {
            assert_eq!(mask_password(url), expected);
        }
    }

    #[test]
    fn no_error_tells_a_password() {
        for (url, text, expected) in [
            (
                "postgres://a:s3/cret@db/x",
                "no driver for 'postgres://a:s3/cret@db/x'",
                "no driver for 'postgres://a:****@db/x'",
            ),
            ("postgresql://a:s3#cret@db/x", "postgres://a:s3#cret@db/x is none", "postgres://a:****@db/x is none"),
            ("postgres://db/x?password=s3cret", "s3cret was tried", "**** was tried"),
            ("postgres://a:@db/x", "nobody answered", "nobody answered"),
        ] {
            assert_eq!(without_password(text, url), expected);
        }
    }
}
