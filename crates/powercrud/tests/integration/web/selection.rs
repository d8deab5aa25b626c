//! What is ticked stays ticked: over pages, sorting and filters, for one browser.

use super::{
    browser::{Browser, encode},
    open,
};
use crate::support::{TestDatabase, each_database};

each_database! { ticks_survive_paging_and_filtering, all_matching_is_a_filter_with_exceptions, without_scripts_the_form_ticks_a_page, each_tab_has_its_own }

async fn bar(browser: &mut Browser, form: &str) -> super::browser::Answer {
    browser.with("hx-request", "true").post("/resources/book/selection", form).await.expect(200)
}

async fn ticks_survive_paging_and_filtering(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    browser.get("/resources/book").await.expect(200).lacks(&["selected<"]);
    // The first tick brings the cookie, so this browser sends it itself.
    browser.post("/resources/book/selection", "action=add&key=1&key=2&key=3").await.location();
    browser
        .get("/resources/book")
        .await
        .expect(200)
        .holds(&["3 books selected", "Select all 60 matching"])
        .lacks(&["other pages"]);
    browser.get("/resources/book?page=2").await.holds(&["3 books selected", "none of them on this page"]);
    browser.get("/resources/book?ordering=-id&page_size=50").await.holds(&["3 books selected", "none of them"]);
    browser.get("/resources/book?id__lte=2").await.holds(&["including 1 on other pages"]);
    bar(&mut browser, "action=remove&key=2&page_key=1&page_key=2&matching=60")
        .await
        .holds(&["2 books selected", "including 1 on other"]);
    // Another browser, and another resource, have selections of their own.
    let mut stranger = browser.clone();
    stranger.post("/resources/author/selection", "action=add&key=1").await.location();
    browser.get("/resources/book").await.holds(&["2 books selected"]);
    browser.post("/resources/book/selection", "action=clear").await.location();
    browser.get("/resources/book").await.lacks(&["books selected"]);
}

async fn all_matching_is_a_filter_with_exceptions(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let list = encode("status=draft");
    browser.post("/resources/book/selection", &format!("action=all&list={list}")).await.location();
    browser
        .get("/resources/book?status=draft")
        .await
        .holds(&["30 books selected", "including 5 on other pages"])
        .lacks(&["Select all 3"]);
    bar(&mut browser, "action=remove&key=2").await.holds(&["29 books selected"]);
    bar(&mut browser, "action=add&key=1").await.holds(&["30 books selected"]);
    bar(&mut browser, "action=add_page&page_key=2&page_key=4").await.holds(&["31 books selected"]);
    bar(&mut browser, "action=remove_page&page_key=2&page_key=4").await.holds(&["29 books selected"]);
}

async fn without_scripts_the_form_ticks_a_page(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let form = "action=page_set&page_key=1&page_key=2&page_key=3&key=1&key=3&list=page%3D2";
    let back = browser.post("/resources/book/selection", form).await.location();
    assert_eq!(back, "/resources/book?page=2");
    browser.get("/resources/book").await.holds(&["2 books selected"]);
    browser
        .post("/resources/book/selection", "action=page_set&page_key=1&page_key=2&page_key=3&key=2")
        .await
        .location();
    browser.get("/resources/book").await.holds(&["1 book selected"]);
}

/// The page's script names its tab with each request.
async fn each_tab_has_its_own(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let header = "x-powercrud-tab";
    let add = "action=add&key=1&key=2";
    let mut one = browser.with("hx-request", "true").with(header, "one");
    let ticked = one.post("/resources/book/selection", add).await.expect(200).holds(&["2 books selected"]);
    assert_eq!(browser.cookie("powercrud_selection"), None, "the first tick brings the cookie");
    // One browser, so one cookie for all of its tabs.
    let mut other = one.clone().with(header, "one");
    other.get("/resources/book").await.expect(200).holds(&["2 books selected"]);
    let mut two = one.without(header).with(header, "two");
    two.get("/resources/book").await.expect(200).lacks(&["books selected"]);
    two.post("/resources/book/selection", "action=add&key=3").await.expect(200).holds(&["1 book selected"]);
    one.get("/resources/book").await.expect(200).holds(&["2 books selected"]);
    // A dialog that is opened as a page of its own is its tab's.
    let edit = ticked.links().into_iter().find(|href| href.contains("bulk-edit")).expect("a link");
    assert!(edit.ends_with("?tab=one"), "{edit}");
    let mut page = one.without(header).without("hx-request");
    let page =
        page.get(&edit).await.expect(200).holds(&["Edit 2 books", "action=\"/resources/book/bulk-edit?tab=one\""]);
    drop(page);
    // What is no tab's name is none.
    browser = one.without(header).with(header, "a'b;--").without("hx-request");
    browser.get("/resources/book").await.expect(200).lacks(&["books selected"]);
}
