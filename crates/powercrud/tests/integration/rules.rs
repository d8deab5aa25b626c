//! Rules of the application's own hold at every door: pages, API, single writes from code, bulk edits and deletes, actions and reverts.

use std::sync::{Arc, Mutex};

use powercrud::{
    Action, AppError, Atomicity, BoxFuture, Error, FieldError, PowerCrud, Resource, ResourceBuilder, Selection, User,
    bulk,
    policy::{Fields, Permission, Policy},
    record,
    task::Status,
    token::Scope,
    validate::{ChangedRecord, PlannedOperation, Validate},
};
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _, Query},
};
use serde_json::json;

use crate::{
    api::{Client, token_of},
    shop::{
        ITEM, action, assert_no_locks, carry_out, counts, delete, failures, in_background, items, keys, rows,
        touched_once, update, work,
    },
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! {
    one_by_one, in_bulk, everything_or_nothing, deletes, actions, reverts, plans_are_refused, what_fails_under_a_rule_is_the_records,
    fields_that_the_user_may_not_see, of_all_resources
}
each_database! { [sqlite] a_transaction_that_ends_under_a_rule }

/// No more than 1,000 are in stock, nothing in stock is deleted but those of which there are fewer than 50, and notes say nothing bad. Of
/// id 13 it panics, and of 17 it asks for a table that is not there.
#[derive(Clone, Default)]
struct StockRules {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Validate for StockRules {
    fn plan<'a>(&'a self, plan: &'a PlannedOperation<'a>) -> BoxFuture<'a, Result<(), Vec<FieldError>>> {
        Box::pin(async move {
            let note = plan.value("note").filter(|value| value.to_text() == "bad");
            match (note, plan.operation()) {
                (Some(_), "update") => Err(vec![FieldError::new("note", "BAD_NOTE", "says nothing bad")]),
                _ => Ok(()),
            }
        })
    }

    fn record<'a>(&'a self, record: &'a ChangedRecord<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            self.asked.lock().expect("not poisoned").push(record.key().to_owned());
            let stock = record.after().map(|after| after.integer("stock").expect("a number"));
            if let Some(stock) = stock {
                // What the transaction reads is what was written.
                let mut select = Query::select();
                select.expr(Expr::cust("COUNT(*)")).from("item");
                select
                    .and_where(Expr::col("id").eq(record.key().parse::<i32>()?))
                    .and_where(Expr::col("stock").eq(stock));
                let row = record.transaction().query_one(&select).await?.expect("a count");
                assert_eq!(row.try_get_by_index::<i64>(0)?, 1, "{record:?}");
            }
            match (record.key(), record.before(), record.after()) {
                ("13", ..) => panic!("not that one"),
                ("17", ..) => {
                    record.transaction().execute_unprepared("SELECT 1 FROM no_such_table").await?;
                    Ok(())
                }
                (_, _, Some(_)) if stock > Some(1_000) => {
                    Err(AppError::new("TOO_MANY", "is at most 1,000").field("stock"))
                }
                (_, Some(before), None) if before.integer("stock") > Some(50) => {
                    Err(AppError::new("IN_STOCK", "is still in stock"))
                }
                _ => Ok(()),
            }
        })
    }
}

fn item() -> ResourceBuilder {
    Resource::table("item").bulk_revert(true)
}

async fn with_rules(database: &TestDatabase, item: ResourceBuilder) -> (PowerCrud, StockRules) {
    let rules = StockRules::default();
    let item = item.validate(rules.clone());
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item)
        .discover(true)
        .build()
        .await
        .expect("no mistakes");
    (app, rules)
}

fn codes(error: Error) -> Vec<(Option<String>, String)> {
    let Error::Invalid(errors) = error else { panic!("{error:?} names no fields") };
    errors.into_iter().map(|error| (error.field, error.code)).collect()
}

async fn one_by_one(database: TestDatabase) {
    items(&database, 60).await;
    let (app, _) = with_rules(&database, item()).await;
    let before = rows(&database, "item", &ITEM).await;
    let too_many = [(Some("stock".to_owned()), "TOO_MANY".to_owned())];
    let (by, item) = (User::operator(), app.resource("item").expect("items").clone());
    let input = |field: &str, text: &str| (field.to_owned(), Some(text.to_owned()));
    let refused = record::update(&app, &by, &item, "5", &[input("stock", "1001")]).await.expect_err("too many");
    assert_eq!(codes(refused), too_many);
    let new = [("id", "99"), ("name", "new"), ("stock", "1001"), ("status", "new"), ("touched", "0")];
    // A key that SQLite gives by itself is not to be given.
    let given = |(field, _): &(&str, &str)| item.field(field).is_some_and(|field| item.may_give(field));
    let new: Vec<_> = new.into_iter().filter(given).map(|(field, text)| input(field, text)).collect();
    assert_eq!(codes(record::create(&app, &by, &item, &new).await.expect_err("too many")), too_many);
    let refused = record::delete(&app, &by, &item, "55").await.expect_err("in stock");
    assert_eq!(codes(refused), [(None, "IN_STOCK".to_owned())]);

    let api = Client::new(app.router(), &token_of(&app, User::operator(), &[Scope::Write, Scope::Bulk]).await);
    let problem = api.patch("/api/v1/resources/item/records/5", json!({"stock": 1001})).await;
    problem.expect_problem(422, "INVALID", &["TOO_MANY", "is at most 1,000"]);
    let mut browser = Browser::new(app.router());
    let page = browser.post("/resources/item/records/5/edit", "stock=1001").await.expect(422);
    page.holds(&["Is at most 1,000."]);
    browser.post("/resources/item/records/55/delete", "").await.holds(&["still in stock"]);
    assert_eq!(rows(&database, "item", &ITEM).await, before, "nothing was written");

    record::update(&app, &by, &item, "5", &[input("stock", "1000")]).await.expect("as many as may be");
    record::delete(&app, &by, &item, "50").await.expect("few enough");
    assert_eq!(rows(&database, "item", &ITEM).await.len(), 59);
}

async fn in_bulk(database: TestDatabase) {
    items(&database, 300).await;
    let (app, rules) = with_rules(&database, item()).await;
    database.execute("UPDATE item SET stock = 5000 WHERE id IN (40, 41, 290); UPDATE item SET touched = -1;").await;
    let before = rows(&database, "item", &ITEM).await;
    let request = || update("item", Selection::All, [("note", Some("checked"))]);
    let preview = bulk::plan(&app, request()).await.expect("a plan").preview().await.expect("a preview");
    assert!(preview.unknown.contains(&"the application's own rules".to_owned()), "{:?}", preview.unknown);
    let task = carry_out(&app, request()).await;
    let (failed, done) = (5, 295);
    assert_eq!((task.status, counts(&task)), (Status::Partial, (done, failed, 0)), "{}", task.error_message);
    let found = failures(&app, &task).await;
    let expected = [("13", "RULE_PANICKED"), ("40", "TOO_MANY"), ("41", "TOO_MANY"), ("290", "TOO_MANY")];
    for (key, code) in expected {
        assert!(found.contains(&(key.to_owned(), code.to_owned())), "{found:?}");
    }
    assert!(found.iter().any(|(key, _)| key == "17"), "what the database said under the rule: {found:?}");
    assert_eq!(touched_once(&database).await, done);
    let after = rows(&database, "item", &ITEM).await;
    assert!(["13", "17", "40", "41", "290"].iter().all(|key| after[*key] == before[*key]));
    assert_no_locks(&database).await;

    // What is not written is not asked about.
    rules.asked.lock().expect("not poisoned").clear();
    let task = carry_out(&app, update("item", keys([1, 2, 3]), [("note", Some("checked"))])).await;
    assert_eq!((task.status, task.unchanged_records), (Status::Success, 3));
    assert!(rules.asked.lock().expect("not poisoned").is_empty());
}

async fn everything_or_nothing(database: TestDatabase) {
    items(&database, 60).await;
    let (app, _) = with_rules(&database, item()).await;
    let before = rows(&database, "item", &ITEM).await;
    let task = carry_out(&app, update("item", keys([4, 5, 6]), [("stock", Some("1001"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 3, 0)), "{}", task.error_message);
    assert!(task.error_message.contains("is at most 1,000"), "{}", task.error_message);
    assert_eq!(rows(&database, "item", &ITEM).await, before);
}

async fn deletes(database: TestDatabase) {
    items(&database, 60).await;
    let (app, _) = with_rules(&database, item()).await;
    let task = carry_out(&app, in_background(delete("item", Selection::All))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (48, 12, 0)), "{}", task.error_message);
    let left: Vec<i32> =
        rows(&database, "item", &["id"]).await.keys().map(|key| key.parse().expect("a number")).collect();
    assert_eq!(left.len(), 12);
    assert!(left.iter().all(|id| *id > 50 || [13, 17].contains(id)), "{left:?}");
}

async fn actions(database: TestDatabase) {
    items(&database, 60).await;
    let restock = Action::statements("restock", |chunk| {
        let mut update = chunk.update();
        update.value("stock", Expr::col("stock").mul(20));
        Ok(vec![update.into()])
    });
    let restock_each = Action::for_each("restock_each", |record| {
        Box::pin(async move {
            let mut update = record.update();
            update.value("stock", Expr::col("stock").mul(20));
            record.transaction().execute(&update).await?;
            Ok(())
        })
    });
    let (app, _) = with_rules(&database, item().action(restock).action(restock_each)).await;
    for name in ["restock", "restock_each"] {
        database.execute("UPDATE item SET stock = id, touched = -1;").await;
        let task = carry_out(&app, in_background(action("item", name, Selection::All, []))).await;
        assert_eq!((task.status, counts(&task)), (Status::Partial, (48, 12, 0)), "{name}: {}", task.error_message);
        assert_eq!(touched_once(&database).await, 48, "{name}");
    }
}

async fn reverts(database: TestDatabase) {
    items(&database, 60).await;
    // What is put back is asked about as what is written.
    database.execute("UPDATE item SET stock = 2000 WHERE id IN (20, 21);").await;
    let (app, _) = with_rules(&database, item().bulk_atomicity(Atomicity::Chunk)).await;
    let selection = keys([18, 19, 20, 21, 22]);
    let task = carry_out(&app, in_background(update("item", selection, [("stock", Some("7"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (5, 0, 0)), "{}", task.error_message);
    let reverted = match bulk::revert(&app, &User::operator(), task.id).await.expect("a revert") {
        bulk::Answer::Queued { task, .. } => work(&app, &task).await,
        answer => answer.task().clone(),
    };
    assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (3, 2, 0)), "{}", reverted.error_message);
    let too_many = ["20", "21"].map(|key| (key.to_owned(), "TOO_MANY".to_owned()));
    assert_eq!(failures(&app, &reverted).await, too_many);
    let stock = rows(&database, "item", &["id", "stock"]).await;
    assert_eq!(stock["18"][0].as_deref(), Some("18"));
    assert_eq!((stock["20"][0].as_deref(), stock["21"][0].as_deref()), (Some("7"), Some("7")));
    assert_no_locks(&database).await;
}

async fn plans_are_refused(database: TestDatabase) {
    items(&database, 60).await;
    let (app, rules) = with_rules(&database, item()).await;
    let refused = bulk::run(&app, update("item", Selection::All, [("note", Some("bad"))])).await.expect_err("bad");
    assert_eq!(codes(refused), [(Some("note".to_owned()), "BAD_NOTE".to_owned())]);
    let api = Client::new(app.router(), &token_of(&app, User::operator(), &[Scope::Write, Scope::Bulk]).await);
    let body = json!({"ids": ["1", "2"], "changes": {"note": "bad"}});
    api.post("/api/v1/resources/item/bulk-update", body).await.expect_problem(422, "INVALID", &["BAD_NOTE"]);
    assert!(rules.asked.lock().expect("not poisoned").is_empty());
}

/// A rule's own mistakes with the database leave the neighbours and the transaction as they were.
async fn what_fails_under_a_rule_is_the_records(database: TestDatabase) {
    items(&database, 30).await;
    let (app, _) = with_rules(&database, item()).await;
    let task = carry_out(&app, in_background(update("item", keys([12, 13, 16, 17, 18]), [("stock", Some("3"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (3, 2, 0)), "{}", task.error_message);
    assert_eq!(touched_once(&database).await, 3);
}

/// Nobody sees the stock.
struct HidesStock;

impl Policy for HidesStock {
    fn may(&self, _user: &User, _permission: Permission<'_>, _resource: &Resource) -> bool {
        true
    }

    fn fields(&self, _user: &User, _resource: &Resource) -> Fields {
        Fields::all().hide(["stock"])
    }
}

async fn fields_that_the_user_may_not_see(database: TestDatabase) {
    items(&database, 30).await;
    database.execute("UPDATE item SET stock = 2000 WHERE id = 20;").await;
    let item = item().validate(StockRules::default());
    let builder = PowerCrud::builder(database.clone()).open_to_everybody().resource(item).policy(HidesStock);
    let app = builder.build().await.expect("no mistakes");
    let ann = User::new("1", "Ann");
    let own = app.for_user(&ann);
    let item = own.resource("item").expect("items").clone();
    assert!(item.field("stock").is_none());
    let note = [("note".to_owned(), Some("x".to_owned()))];
    assert_eq!(codes(record::update(&own, &ann, &item, "20", &note).await.expect_err("too many")).len(), 1);
    record::update(&own, &ann, &item, "21", &note).await.expect("few enough");
    let mut request = update("item", keys([19, 20]), [("note", Some("y"))]);
    request.user = ann;
    let task = carry_out(&app, in_background(request)).await;
    assert_eq!(failures(&app, &task).await, [("20".to_owned(), "TOO_MANY".to_owned())]);
}

async fn of_all_resources(database: TestDatabase) {
    items(&database, 30).await;
    let rules = StockRules::default();
    let builder = PowerCrud::builder(database.clone()).open_to_everybody().discover(true).validate(rules.clone());
    let app = builder.build().await.expect("no mistakes");
    let task = carry_out(&app, in_background(update("item", keys([1, 2]), [("stock", Some("1001"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 2, 0)), "{}", task.error_message);
    // The tables may be read anew, and the rules stay.
    app.reload_catalog().await.expect("a catalog");
    let app = app.clone();
    let task = carry_out(&app, in_background(update("item", keys([1, 2]), [("stock", Some("1001"))]))).await;
    assert_eq!(counts(&task), (0, 2, 0));
}

async fn a_transaction_that_ends_under_a_rule(database: TestDatabase) {
    items(&database, 30).await;
    let raises =
        "CREATE TRIGGER raises BEFORE UPDATE ON item WHEN NEW.id = 7 BEGIN SELECT RAISE(ROLLBACK, 'not seven'); END;";
    database.execute(raises).await;
    let (app, _) = with_rules(&database, item()).await;
    let selection = keys([5, 6, 7, 8]);
    let task = carry_out(&app, in_background(update("item", selection, [("note", Some("x"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (3, 1, 0)), "{}", task.error_message);
    assert_eq!(touched_once(&database).await, 3);
    // The connection is as good as before.
    let task = carry_out(&app, in_background(update("item", keys([5, 8]), [("note", Some("y"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (2, 0, 0)), "{}", task.error_message);
}
