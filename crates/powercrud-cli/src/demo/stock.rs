//! What is on the shelves: publishers, authors, tags and books, row by row, each an array in the order of its columns.

use serde_json::{Value, json};

use super::{
    random::Random,
    words::{CITIES, COUNTRIES, FIRST_NAMES, GENRES, LAST_NAMES, MARKS, PUBLISHER_KINDS, PUBLISHERS, TITLE_WORDS},
};

pub(super) const PUBLISHER: &[&str] = &["id", "name", "city", "founded_year", "website"];

pub(super) fn publishers() -> impl Iterator<Item = Value> {
    let mut random = Random::new(1);
    PUBLISHERS.iter().zip(1..).map(move |(name, id)| {
        let site = name.to_lowercase().replace(" & ", "-").replace(' ', "-");
        json!([
            id,
            format!("{name} {}", random.pick(PUBLISHER_KINDS)),
            random.pick(CITIES),
            random.chance(80).then(|| random.between(1790, 2019)),
            random.chance(70).then(|| format!("https://{site}.example")),
        ])
    })
}

pub(super) const AUTHOR: &[&str] = &["id", "name", "country", "born_on", "biography"];

pub(super) fn authors(count: u64) -> impl Iterator<Item = Value> {
    let mut random = Random::new(2);
    (1..=count).map(move |id| {
        let country = random.pick(COUNTRIES);
        let biography = format!(
            "Born in {country}, lives in {} and has written {} books.",
            random.pick(CITIES),
            random.between(2, 19)
        );
        json!([
            id,
            person(&mut random),
            country,
            random.chance(75).then(|| random.date(1921, 2001)),
            random.chance(60).then_some(biography),
        ])
    })
}

/// First and last name, now and then with a middle initial.
pub(super) fn person(random: &mut Random) -> String {
    let first = random.pick(FIRST_NAMES);
    let last = random.pick(LAST_NAMES);
    match random.below(8) {
        0 => format!("{first} {}. {last}", (b'A' + random.below(26) as u8) as char),
        _ => format!("{first} {last}"),
    }
}

pub(super) const TAG: &[&str] = &["id", "name"];

pub(super) fn tags() -> impl Iterator<Item = Value> {
    let genres = GENRES.iter().map(|genre| genre.tag);
    genres.chain(MARKS.iter().copied()).zip(1..).map(|(name, id)| json!([id, name]))
}

pub(super) const BOOK: &[&str] = &[
    "id",
    "title",
    "isbn",
    "author_id",
    "publisher_id",
    "status",
    "format",
    "published_on",
    "pages",
    "price",
    "sale_price",
    "stock",
    "is_featured",
    "blurb",
    "details",
    "updated_at",
];

/// `count` books by authors `1..=authors`.
pub(super) fn books(count: u64, authors: u64) -> impl Iterator<Item = Value> {
    (1..=count).map(move |id| book(id, authors))
}

fn book(id: u64, authors: u64) -> Value {
    // A stream of its own for each book, so that a larger shop begins with the books of a smaller one.
    let mut random = Random::new(id << 8 | 3);
    let genre = &GENRES[genre(id)];
    let title = random.fill(random_of(genre.titles, id), TITLE_WORDS);
    let format = random.pick(&["hardcover", "paperback", "paperback", "paperback", "ebook", "audiobook"]);
    let status = match random.below(100) {
        0..5 => "announced",
        5..75 => "in_print",
        75..93 => "out_of_print",
        _ => "archived",
    };
    let announced = status == "announced";
    let published_on = match random.below(30) {
        0 => None,
        _ if announced => Some(random.date(2027, 2028)),
        _ => Some(random.date(1978, 2025)),
    };
    let pages = (format != "audiobook").then(|| random.between(genre.pages.0, genre.pages.1));
    let cents = match format {
        "hardcover" => random.between(18, 46) * 100 + 95,
        "paperback" => random.between(7, 19) * 100 + 99,
        "ebook" => random.between(3, 14) * 100 + 49,
        _ => random.between(12, 29) * 100,
    };
    let on_sale = !announced && random.chance(12);
    let stock = match format {
        "hardcover" | "paperback" if status == "in_print" => random.below(60),
        "hardcover" | "paperback" if status == "out_of_print" => random.below(4),
        _ => 0,
    };
    let blurb = random.chance(65).then(|| random.fill(random_of(genre.blurbs, id / 7), TITLE_WORDS));
    let details = (format != "ebook").then(|| details(format, pages, &mut random).to_string());
    json!([
        id,
        title,
        isbn(id),
        random.between(1, authors),
        random.chance(96).then(|| random.between(1, PUBLISHERS.len() as u64)),
        status,
        format,
        published_on,
        pages,
        cents as f64 / 100.0,
        on_sale.then(|| (cents * random.between(5, 8) / 10) as f64 / 100.0),
        stock,
        random.chance(3),
        blurb,
        details,
        format!("{} {:02}:{:02}:{:02}", random.date(2024, 2026), random.below(24), random.below(60), random.below(60)),
    ])
}

fn details(format: &str, pages: Option<u64>, random: &mut Random) -> Value {
    match pages {
        Some(pages) => json!({"edition": random.between(1, 4), "weight_g": pages * 3 / 2 + random.below(80)}),
        None => json!({"minutes": random.between(180, 1200), "medium": format, "narrator": person(random)}),
    }
}

fn random_of<'a>(list: &[&'a str], number: u64) -> &'a str {
    Random::new(number ^ 0x5eed).pick(list)
}

/// Which of [`GENRES`] a book belongs to.
fn genre(id: u64) -> usize {
    Random::new(id << 8 | 5).below(GENRES.len() as u64) as usize
}

/// ISBN-13 of the English-language groups (978-0 and 978-1), a different one for each `id` up to 200 million.
fn isbn(id: u64) -> String {
    // The factor shares no divisor with the modulus, so no two ids meet.
    let digits = format!("978{:09}", id * 48_271_003 % 200_000_000);
    let sum: u32 =
        digits.bytes().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

pub(super) const BOOK_TAG: &[&str] = &["book_id", "tag_id"];

/// Each book's genre, and a mark on every fourth or so.
pub(super) fn book_tags(count: u64) -> impl Iterator<Item = Value> {
    let mut random = Random::new(4);
    (1..=count).flat_map(move |id| {
        let mark = random.chance(25).then(|| GENRES.len() as u64 + random.between(1, MARKS.len() as u64));
        [Some(genre(id) as u64 + 1), mark].into_iter().flatten().map(move |tag| json!([id, tag]))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn isbns_are_unique_and_their_check_digits_right() {
        // The example of the ISBN Users' Manual: 978-0-306-40615-7.
        let valid = |isbn: &str| {
            let weighted = |(digit, weight): (u8, u32)| u32::from(digit - b'0') * weight;
            isbn.len() == 13 && isbn.bytes().zip([1, 3].into_iter().cycle()).map(weighted).sum::<u32>() % 10 == 0
        };
        assert!(valid("9780306406157"));
        assert!(!valid("9780306406158"));
        let isbns: HashSet<String> = (1..=100_000).map(isbn).collect();
        assert_eq!(isbns.len(), 100_000);
        assert!(isbns.iter().all(|isbn| valid(isbn)));
    }

    #[test]
    fn a_larger_shop_begins_with_the_books_of_a_smaller_one_and_no_title_has_a_gap() {
        let small: Vec<Value> = books(200, 20).collect();
        let large: Vec<Value> = books(400, 20).take(200).collect();
        assert_eq!(small, large);
        for book in books(5_000, 400) {
            let title = book[1].as_str().unwrap();
            assert!(
                title.len() > 4 && title.len() <= 200 && !title.contains(['{', '}']) && !title.contains("  "),
                "{title:?}"
            );
        }
    }
}
