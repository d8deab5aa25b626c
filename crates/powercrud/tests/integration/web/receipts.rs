//! What a page says once a bulk operation is done: what changed, what was so already, and what failed, where it was asked.

use super::{
    browser::{Answer, Browser, encode},
    open,
};
use crate::support::{TestDatabase, each_database};

each_database! { what_was_so_already_is_told_apart, what_failed_at_once_keeps_the_dialog, an_indirect_blocker_is_named }

async fn select(browser: &mut Browser, resource: &str, list: &str) {
    browser
        .post(&format!("/resources/{resource}/selection"), &format!("action=all&list={}", encode(list)))
        .await
        .location();
}

async fn edit(browser: &mut Browser, resource: &str, changes: &str) -> Answer {
    let path = format!("/resources/{resource}/bulk-edit");
    let dialog = browser.in_dialog().get(&path).await.expect(200);
    browser.in_dialog().post(&path, &format!("{changes}&selection={}", dialog.hidden("selection"))).await
}

async fn what_was_so_already_is_told_apart(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    select(&mut browser, "book", "id__lte=3").await;
    let answer = edit(&mut browser, "book", "change=status&set.status=published").await.expect(200);
    let told = "1 book changed, 2 already had this value.";
    assert_eq!(answer.events()["bulkEditSuccess"]["message"], told);
    let answer = answer.holds(&[told]);
    let task = answer.links().into_iter().find(|link| link.starts_with("/tasks/")).expect("a link to the task");
    let told = "1 changed, 2 already had this value";
    browser.get("/tasks").await.expect(200).holds(&[told]);
    browser.get(&task).await.expect(200).holds(&["Already so", told]);
}

async fn what_failed_at_once_keeps_the_dialog(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE gadget (id integer PRIMARY KEY, price integer NOT NULL, sale_price integer, note varchar(20),
                CONSTRAINT cheaper CHECK (sale_price < price));
             INSERT INTO gadget VALUES (1, 10, 5, NULL), (2, 20, NULL, NULL), (3, 5, NULL, NULL);",
        )
        .await;
    let (_, mut browser) = open(database).await;
    select(&mut browser, "gadget", "").await;
    let changes = "change=sale_price&set.sale_price=70&change=note&set.note=what+was+typed";
    let answer = edit(&mut browser, "gadget", changes).await.expect(422);
    assert_eq!(answer.events()["bulkEditFailed"]["message"], "Nothing was changed: 3 gadgets failed.");
    answer
        .holds(&[
            "what was typed",
            "value=\"70\"",
            "-error\"",
            "Nothing was changed",
            "3 of 3 gadgets failed",
            "/resources/gadget/records/1",
        ])
        .lacks(&["nothing was changed, because", "sale_price: "]);
    // One of them alone: it is no mistake of the field.
    let answer = edit(&mut browser, "gadget", "change=sale_price&set.sale_price=7").await.expect(422);
    answer.holds(&["1 of 3 gadgets failed", "value=\"7\"", "/resources/gadget/records/3"]).lacks(&["records/2"]);
}

async fn an_indirect_blocker_is_named(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE par (id integer PRIMARY KEY);
             CREATE TABLE kid (id integer PRIMARY KEY, par_id integer, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE CASCADE);
             CREATE TABLE blk (id integer PRIMARY KEY, kid_id integer, FOREIGN KEY (kid_id) REFERENCES kid (id));
             INSERT INTO par VALUES (1), (2); INSERT INTO kid VALUES (1, 1); INSERT INTO blk VALUES (1, 1);",
        )
        .await;
    let (_, mut browser) = open(database).await;
    select(&mut browser, "par", "id=1").await;
    let dialog = browser.in_dialog().get("/resources/par/bulk-delete").await.expect(200);
    dialog
        .holds(&["1 par can", "1 blk refers to kids, which would be deleted with it", "So there is nothing to delete."])
        .lacks(&["are deleted too", "is deleted too"]);
    let single = browser.in_dialog().get("/resources/par/records/1/delete").await.expect(200);
    single.holds(&["This par can", "1 blk refers to kids"]);
}
