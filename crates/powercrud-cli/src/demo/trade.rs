//! What is sold and to whom: customers, orders and their lines, row by row.

use serde_json::{Value, json};

use super::{
    random::Random,
    stock::person,
    words::{CITIES, ORDER_NOTES},
};

pub(super) const CUSTOMER: &[&str] = &["id", "name", "email", "city", "phone", "newsletter", "joined_on"];

pub(super) fn customers(count: u64) -> impl Iterator<Item = Value> {
    let mut random = Random::new(6);
    (1..=count).map(move |id| {
        let name = person(&mut random);
        let email = format!("{}{id}@example.com", name.to_lowercase().replace(". ", ".").replace(' ', "."));
        let phone = format!("+44 7700 900{:03}", random.below(1000));
        json!([
            id,
            name,
            email,
            random.pick(CITIES),
            random.chance(60).then_some(phone),
            random.chance(40),
            random.date(2015, 2025),
        ])
    })
}

pub(super) const ORDER: &[&str] = &["id", "customer_id", "ordered_at", "status", "note"];

pub(super) fn orders(count: u64, customers: u64) -> impl Iterator<Item = Value> {
    let mut random = Random::new(7);
    (1..=count).map(move |id| {
        let time = format!("{:02}:{:02}:{:02}", random.between(6, 23), random.below(60), random.below(60));
        json!([
            id,
            random.between(1, customers),
            format!("{} {time}", random.date(2023, 2025)),
            random.pick(&["new", "paid", "shipped", "delivered", "delivered", "delivered", "cancelled"]),
            random.chance(10).then(|| random.pick(ORDER_NOTES)),
        ])
    })
}

/// Without the price, which is the book's.
pub(super) const ORDER_LINE: &[&str] = &["order_id", "line_number", "book_id", "quantity"];

/// One to four lines an order. Only every tenth of `books` sells, some of them far better than others.
pub(super) fn order_lines(orders: u64, books: u64) -> impl Iterator<Item = Value> {
    let mut random = Random::new(8);
    let titles = books.div_ceil(10);
    (1..=orders).flat_map(move |order| {
        let lines = random.between(1, 4);
        let row = |line| {
            let book = random.below(titles).min(random.below(titles)) * 10 + 1;
            json!([order, line, book, if random.chance(85) { 1 } else { random.between(2, 5) }])
        };
        (1..=lines).map(row).collect::<Vec<_>>()
    })
}
