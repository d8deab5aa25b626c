//! What is told once on the page that a form leads to, as a parameter of its address. The page's script takes it out of the address, and
//! where there is none it holds for a minute: an address that is kept or passed on says nothing of what was done once.

use powercrud_engine::resource::Resource;

use super::paths::{parse_query, with_query};

const NAME: &str = "notice";

/// For how many milliseconds it is told.
const FRESH: i64 = 60_000;

/// What was done to the record that the page shows.
#[derive(Clone, Copy)]
pub(super) enum Notice {
    Created,
    Saved,
    Done,
}

impl Notice {
    const ALL: [Self; 3] = [Self::Created, Self::Saved, Self::Done];

    fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Saved => "saved",
            Self::Done => "done",
        }
    }

    /// The address that tells it.
    pub(super) fn at(self, href: &str) -> String {
        let value = format!("{}.{}", self.word(), chrono::Utc::now().timestamp_millis());
        with_query(href, &[(NAME.to_owned(), value)])
    }
}

/// What a page's query string tells now; empty where it tells nothing.
pub(super) fn text(resource: &Resource, query: &str) -> String {
    match read(query, chrono::Utc::now().timestamp_millis()) {
        Some(Notice::Created) => format!("The {} was created.", resource.label),
        Some(Notice::Saved) => "Saved.".to_owned(),
        Some(Notice::Done) => "Done.".to_owned(),
        None => String::new(),
    }
}

fn read(query: &str, now: i64) -> Option<Notice> {
    let (_, value) = parse_query(query).into_iter().find(|(name, _)| name == NAME)?;
    let (word, at) = value.split_once('.')?;
    let age = now.checked_sub(at.parse().ok()?)?;
    // Servers behind one address may differ a little.
    let is_fresh = (-FRESH..FRESH).contains(&age);
    Notice::ALL.into_iter().find(|notice| is_fresh && notice.word() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Option<&str>) {
        assert_eq!(read(query, 1_000_000).map(Notice::word), expected, "{query}");
    }

    #[test]
    fn it_is_told_for_a_minute() {
        check("notice=saved.999000", Some("saved"));
        check("page=1&notice=created.1000500", Some("created"));
        check("notice=saved.900000", None);
        check("notice=saved", None);
        check("notice=saved.9223372036854775807", None);
        check("notice=saved.-9223372036854775808", None);
        check("notice=other.999000", None);
        check("", None);
    }
}
