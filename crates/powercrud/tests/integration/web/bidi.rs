//! Values that are written from right to left, or that pretend to be, order nothing of the sentences they stand in.

use super::{browser::encode, open};
use crate::support::{TestDatabase, each_database};

each_database! { a_value_leaves_its_sentence_alone }

async fn a_value_leaves_its_sentence_alone(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    // An override from right to left, which would turn round the number behind it.
    let evil = "\u{202e}evil\u{2069}";
    let isolated = "\u{2068}\u{202e}evil\u{2069}";
    browser.post("/resources/book/selection", "action=add&key=1&key=2").await.location();
    let dialog = browser.in_dialog().get("/resources/book/bulk-edit").await.expect(200);
    let form = format!("change=title&set.title={}&selection={}", encode(evil), dialog.hidden("selection"));
    browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    let sentence = format!("Title → {isolated} on 2 books");
    let tasks = browser.get("/tasks").await.expect(200).holds(&[&sentence]);
    let task = tasks.links().into_iter().find(|link| link.starts_with("/tasks/0")).expect("a task");
    browser.get(&task).await.expect(200).holds(&[&sentence]);
    browser.get("/resources/book/records/1").await.expect(200).holds(&[&format!("Book {isolated}"), &sentence]);
    browser.get("/staff/audit").await.expect(200).lacks(&[&format!("→ {evil}"), &format!("→ {}", "\u{202e}")]);
    browser.get(&format!("/resources/book?title={}", encode(evil))).await.expect(200).holds(&["<bdi>"]);
}
