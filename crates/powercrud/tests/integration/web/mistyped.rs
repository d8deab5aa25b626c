//! A list whose address holds a slip of the finger: what fits is shown, what does not is kept and said to be not applied, and nothing is
//! done to records that were not asked for.

use sea_orm::ConnectionTrait as _;

use super::{browser::encode, open};
use crate::support::{Kind, TestDatabase, each_database};

each_database! { [postgres] what_the_database_refuses_is_told_at_its_filter }
each_database! { [sqlite] a_text_that_no_cell_holds_is_a_mistake }
each_database! { an_empty_text_is_no_filter, what_fits_is_shown, all_matching_is_not_offered, the_count_is_the_one_beside_it, a_preview_says_why }

/// A filter by a price that takes no other text than a number: SQLite's cells may hold any, which an exact filter finds.
fn price(database: &TestDatabase) -> &'static str {
    if database.kind == Kind::Sqlite { "price__gte" } else { "price" }
}

async fn what_fits_is_shown(database: TestDatabase) {
    let price = price(&database);
    let (_, mut browser) = open(database).await;
    let path = format!("/resources/book?status=draft&{price}=%2450&q=Book&ordering=-id&page_size=10");
    let page = browser.get(&path).await.expect(422).holds(&[
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
    let keeps: Vec<_> = page.links().into_iter().filter(|href| href.contains(&format!("{price}=%2450"))).collect();
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
    browser
        .get(&format!("/resources/book?{price}=%2450&pages__gte=x"))
        .await
        .expect(422)
        .holds(&["These 2 are not applied"]);
}

/// Without scripts the field may have been changed and its form not asked for.
async fn an_empty_text_is_no_filter(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    for operator in ["contains", "startswith"] {
        let path = format!("/resources/book/filter?list=status%3Ddraft&field=notes&operator={operator}&value=+");
        let form = browser.get(&path).await.location();
        assert!(form.starts_with("/resources/book/filter/form?"), "{form}");
        let form = browser.get(&form).await.expect(200).holds(&["Needs a text.", "value=\"notes\" selected"]);
        assert_eq!(form.hidden("list"), encode("status=draft"));
    }
    let filtered = browser.get("/resources/book/filter?list=&field=notes&operator=contains&value=a").await.location();
    assert_eq!(filtered, "/resources/book?notes__contains=a");
}

async fn what_the_database_refuses_is_told_at_its_filter(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE film (id integer PRIMARY KEY, title text NOT NULL, special_features text[], fulltext tsvector);
             INSERT INTO film VALUES (1, 'Alpha', '{Trailers}', 'a'), (2, 'Beta', '{}', 'b'), (3, 'Aster', NULL, NULL);",
        )
        .await;
    let (_, mut browser) = open(database).await;
    for (filter, value) in [("special_features", "foo"), ("fulltext", "'"), ("special_features__ne", "{a")] {
        let path = format!("/resources/film?title__startswith=A&q=a&{filter}={}", encode(value));
        let page = browser.get(&path).await.expect(422).holds(&[
            "This is not applied",
            "is not a value that the column takes",
            "Remove the filter Title starts with A",
            "Not applied: ",
            "2 films without the filter that is not applied",
            "Alpha",
            "id=\"filter-value-error\"",
        ]);
        page.lacks(&["Beta", "Special_features:", "matching<"]);
        let list = encode(path.split_once('?').expect("a query").1);
        let mut htmx = browser.with("hx-request", "true");
        htmx.post("/resources/film/selection", &format!("action=all&list={list}")).await.expect(422);
    }
    browser.get("/resources/film?special_features=%7BTrailers%7D").await.expect(200).holds(&["1 film matches"]);
}

async fn a_text_that_no_cell_holds_is_a_mistake(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE big (id INTEGER PRIMARY KEY, stock INTEGER, made DATE, seen BOOLEAN, price DECIMAL(8, 2));
             INSERT INTO big VALUES (1, 5, '2026-01-31', 1, 2.5), (2, 'plenty', 'some day', 'perhaps', 'n/a');",
        )
        .await;
    let (app, mut browser) = open(database).await;
    let token = crate::api::token_of(&app, powercrud::User::operator(), &[powercrud::token::Scope::Admin]).await;
    let api = crate::api::client::Client::new(app.router(), &token);
    for query in ["stock=%2450", "made=yesterday", "seen=maybe", "price=abc", "stock__in=5,x"] {
        let name = query.split(['=', '_']).next().expect("a name");
        let page = browser.get(&format!("/resources/big?{query}")).await.expect(422);
        page.holds(&["This is not applied", "No big holds it as a text either", "plenty", "id=\"filter-value-error\""]);
        api.get(&format!("/api/v1/resources/big/records?{query}")).await.expect_problem(422, "INVALID", &[name]);
        let (key, value) = query.split_once('=').expect("a filter");
        let value = value.replace("%24", "$");
        // Where nothing is found by it, it is why.
        for validate_only in [true, false].into_iter().filter(|_| query != "stock__in=5,x") {
            let body = serde_json::json!({
                "filter": {key: value}, "changes": {"stock": 1}, "validate_only": validate_only
            });
            api.post("/api/v1/resources/big/bulk-update", body).await.expect_problem(422, "INVALID", &[name]);
        }
    }
    // What a cell holds is found by it, however little it fits.
    for query in ["stock=plenty", "made=some+day", "seen=perhaps", "price=n/a", "stock__in=7,plenty"] {
        browser.get(&format!("/resources/big?{query}")).await.expect(200).holds(&["1 big matches"]);
    }
    // Selected by such a text and mended, the records are no mistake of the list that selected them.
    browser.post("/resources/big/selection", "action=all&list=stock%3Dplenty").await.location();
    api.patch("/api/v1/resources/big/records/2", serde_json::json!({"stock": 9})).await.expect(200);
    browser.get("/resources/big").await.expect(200);
}

async fn all_matching_is_not_offered(database: TestDatabase) {
    let price = price(&database);
    let (_, mut browser) = open(database).await;
    let mut htmx = browser.with("hx-request", "true");
    let list = encode(&format!("status=draft&{price}=$50"));
    // Single records can be ticked.
    let form = format!("action=add&key=2&list={list}&matching=30&page_key=2&page_key=4");
    let bar = htmx.post("/resources/book/selection", &form).await.expect(200);
    bar.holds(&["1 book selected"]).lacks(&["matching<"]);
    htmx.get(&format!("/resources/book?status=draft&{price}=%2450")).await.expect(422).lacks(&["matching<"]);
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
    preview.holds(&["37 gadgets will change, 2 will fail because", "Records that fail stay as they are"]);
}
