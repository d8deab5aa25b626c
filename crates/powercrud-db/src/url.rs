//! Addresses of databases: as they are accepted, and as they are shown.

/// The address with `****` for its password, also where that is not encoded as it should be.
pub fn mask_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return url.to_owned();
    };
    let (authority, tail) = rest.split_at(rest.rfind('@').unwrap_or(0));
    let before = match authority.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:****"),
        None => format!("{scheme}://{authority}"),
    };
    // PostgreSQL's drivers take it as a parameter too.
    let Some((path, parameters)) = tail.split_once('?') else { return format!("{before}{tail}") };
    let masked = parameters.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=****"),
        _ => parameter.to_owned(),
    });
    format!("{before}{path}?{}", masked.collect::<Vec<_>>().join("&"))
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
            ("shop.db", "shop.db"),
        ] {
            assert_eq!(mask_password(url), expected);
        }
    }
}
