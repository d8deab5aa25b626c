//! A list whose address holds a slip of the finger: what fits is shown, what does not is kept and said to be not applied, and nothing is
//! done to records that were not asked for.

use sea_orm::ConnectionTrait as _;

use super::{browser::encode, open};
use crate::support::{TestDatabase, each_database};

each_database! { what_fits_is_shown, all_matching_is_not_offered, the_count_is_the_one_beside_it, a_preview_says_why }

async fn what_fits_is_shown(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let path = "/resources/book?status=draft&price=%2450&q=Book&ordering=-id&page_size=10";
    let page = browser.get(path).await.expect(422).holds(&[
        "This is not applied",
        "Price: &quot;$50&quot; is not allowed: a decimal number such as 12.50",
        // The search, the other filter and the order stay; the rows are what those find.
        "value=\"Book\"",
        "Book 60",
        "30 books without the filter that is not applied",
        "Remove the filter Status is draft",
        "Not applied: ",
        // The form is open with what was typed, and the mistake at its field.
        "id=\"add-filter\" open",
        "value=\"$50\"",
        "id=\"filter-value-error\"",
    ]);
    let page = page.lacks(&["Book 59", "Nothing is shown"]);
    // Other pages, orders and filters keep it, too; its own chip takes it away.
    let keeps: Vec<_> = page.links().into_iter().filter(|href| href.contains("price=%2450")).collect();
    assert!(keeps.iter().any(|href| href.contains("page=2")), "{keeps:?}");
    let gone = page.links().into_iter().find(|href| href.contains("status=draft") && !href.contains("price"));
    browser.get(&gone.expect("a chip's link")).await.expect(200).holds(&["30 books match"]).lacks(&["not applied"]);
    // What is mended in the form takes the place of what was wrong.
    let list = page.hidden("list");
    let mended =
        browser.get(&format!("/resources/book/filter?list={list}&field=price&operator=gte&value=50")).await.location();
    assert!(mended.contains("price__gte=50") && !mended.contains("%2450"), "{mended}");
    browser.get(&mended).await.expect(200).holds(&["6 books match"]);
    for (query, said) in [
        ("nope=1", "Nope: book has no such field; there are: id, title"),
        ("price__almost=1", "is not an operator for this field"),
        ("page=abc", "is not a page number"),
        ("page_size=0", "is not a number from 1 to 1000"),
        ("ordering=nope", "has no such field"),
    ] {
        let page = browser.get(&format!("/resources/book?status=draft&{query}")).await.expect(422);
        page.holds(&["Book 02", said, "Remove the filter Status is draft"]).lacks(&["Book 01"]);
    }
    browser.get("/resources/book?price=%2450&pages=x").await.expect(422).holds(&["These 2 are not applied"]);
}

async fn all_matching_is_not_offered(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let mut htmx = browser.with("hx-request", "true");
    let list = encode("status=draft&price=$50");
    // Single records can be ticked.
    let form = format!("action=add&key=2&list={list}&matching=30&page_key=2&page_key=4");
    let bar = htmx.post("/resources/book/selection", &form).await.expect(200);
    bar.holds(&["1 book selected"]).lacks(&["matching<"]);
    htmx.get("/resources/book?status=draft&price=%2450").await.expect(422).lacks(&["matching<"]);
    let refused = htmx.post("/resources/book/selection", &format!("action=all&list={list}")).await;
    refused.expect(422).holds(&["a decimal number"]);
    htmx.get("/resources/book").await.holds(&["1 book selected"]);
    browser = htmx.without("hx-request");
    browser.get("/resources/book").await.holds(&["1 book selected", "Select all 60 matching"]);
}

/// The list's count, where it comes later, also replaces the one that "Select all" tells.
async fn the_count_is_the_one_beside_it(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let answer = browser.get("/resources/book/count?status=draft").await.expect(200);
    answer.holds(&["30 books match", "id=\"select-all-words\" hx-swap-oob=\"innerHTML\">Select all 30 matching<"]);
}

/// The dialog tells how many fail and why, and what follows from it.
async fn a_preview_says_why(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE gadget (id integer PRIMARY KEY, price integer NOT NULL, sale_price integer,
                CONSTRAINT cheaper CHECK (sale_price < price));
             INSERT INTO gadget VALUES (1, 10, 5), (2, 20, NULL), (3, 3, NULL), (4, 5, 4), (5, 9, 1);",
        )
        .await;
    let (app, mut browser) = open(database).await;
    let form = "change=sale_price&set.sale_price=5";
    browser.post("/resources/gadget/selection", "action=all").await.location();
    let mut dialog = browser.with("hx-request", "true");
    let preview = dialog.post("/resources/gadget/bulk-edit/preview", form).await.expect(200);
    preview.holds(&[
        "2 gadgets could change, 2 will fail because the sale price is not below the price (CHECK sale_price &lt; price), \
         1 already has this value.",
        "5 gadgets are changed together or not at all",
    ]);
    // Many are changed in the background, where the others go on.
    let rows: Vec<_> = (6..=40).map(|id| format!("({id}, 7, NULL)")).collect();
    let insert = format!("INSERT INTO gadget VALUES {}", rows.join(", "));
    app.database().connection().execute_unprepared(&insert).await.expect("rows");
    let preview = dialog.post("/resources/gadget/bulk-edit/preview", form).await.expect(200);
    preview.holds(&["37 gadgets will change, 2 will fail because", "Those that fail stay as they are"]);
}
