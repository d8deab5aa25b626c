//! A small table to change, and bulk operations in few words.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use powercrud::{
    Change, Changes, PowerCrud, Selection, User,
    bulk::{self, Answer, BulkRequest, Requested, Route},
    keys_from_text,
    query::ListParams,
    task::{BulkTask, store},
};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio_util::sync::CancellationToken;

use crate::support::{Kind, TestDatabase};

/// Rows as the database's own texts, by the text of their first column.
pub(crate) type Rows = BTreeMap<String, Vec<Option<String>>>;

/// The columns of `item`. `touched` counts the row's updates by a trigger.
pub(crate) const ITEM: [&str; 7] = ["id", "name", "price", "stock", "status", "note", "touched"];

/// Makes the table `item` with the rows `1..=count`.
pub(crate) async fn items(database: &TestDatabase, count: usize) {
    let mut script = String::from(
        "CREATE TABLE item (id integer PRIMARY KEY, name varchar(40) NOT NULL, price decimal(10, 2), stock integer NOT NULL,
            status varchar(20) NOT NULL CHECK (status IN ('new', 'used', 'gone')), note text, touched integer NOT NULL);\n",
    );
    for first in (1..=count).step_by(1_000) {
        let rows: Vec<_> = (first..=count.min(first + 999)).map(item).collect();
        writeln!(script, "INSERT INTO item VALUES {};", rows.join(", ")).expect("a text can be written");
    }
    script += &on_update(database.kind, "item", "touched = touched + 1");
    database.execute(&script).await;
}

fn item(id: usize) -> String {
    let status = ["new", "used", "gone"][id % 3];
    let note = if id.is_multiple_of(5) { "NULL".to_owned() } else { format!("'note {id}'") };
    format!("({id}, 'item {id}', {id}.25, {id}, '{status}', {note}, 0)")
}

/// A trigger that sets `assignment` (of one column, reading itself) on each updated row of `table`, whose key is `id`.
pub(crate) fn on_update(kind: Kind, table: &str, assignment: &str) -> String {
    let (column, _) = assignment.split_once(" = ").expect("an assignment");
    let new = assignment.replace(column, &format!("NEW.{column}"));
    match kind {
        Kind::Sqlite => format!(
            "CREATE TRIGGER count_{table} AFTER UPDATE ON {table} BEGIN UPDATE {table} SET {assignment} WHERE id = NEW.id; END;\n"
        ),
        Kind::Postgres => format!(
            "CREATE FUNCTION count_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {}; RETURN NEW; END $$;
            CREATE TRIGGER count_{table} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION count_{table}();\n",
            new.replacen('=', ":=", 1)
        ),
        Kind::Mysql => format!("CREATE TRIGGER count_{table} BEFORE UPDATE ON {table} FOR EACH ROW SET {new};\n"),
    }
}

/// All tables as resources.
pub(crate) async fn discovered(database: &TestDatabase) -> PowerCrud {
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .discover(true)
        .build()
        .await
        .expect("a configuration without mistakes")
}

/// The rows of `table`, read past the library.
pub(crate) async fn rows(database: &TestDatabase, table: &str, columns: &[&str]) -> Rows {
    let columns: Vec<_> = columns.iter().map(|column| text_of(database.kind, column)).collect();
    let sql = format!("SELECT {} FROM {table}", columns.join(", "));
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let found = connection.query_all_raw(statement).await.expect("rows");
    let texts = found.iter().map(|row| {
        let cell = |index| row.try_get_by_index::<Option<String>>(index).expect("a text");
        let key = cell(0).expect("a key");
        (key, (1..columns.len()).map(cell).collect())
    });
    texts.collect()
}

fn text_of(kind: Kind, column: &str) -> String {
    let text = if kind == Kind::Mysql { "CHAR" } else { "TEXT" };
    format!("CAST({column} AS {text})")
}

/// `before` with `change` made to the rows whose key it is told; each of them touched once more.
pub(crate) fn with_changes(
    before: &Rows,
    keys: impl Fn(i64) -> bool,
    change: impl Fn(&mut Vec<Option<String>>),
) -> Rows {
    let mut expected = before.clone();
    for (key, row) in &mut expected {
        if keys(key.parse().expect("a number")) {
            change(row);
            let touched: i64 = row[5].as_deref().expect("a count").parse().expect("a number");
            row[5] = Some((touched + 1).to_string());
        }
    }
    expected
}

/// Changes as short texts: `tags__add` with keys does that to a many-to-many field, all else sets, `None` being NULL.
pub(crate) fn changes_of<'a>(inputs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Changes {
    let change = |(name, text): (&'a str, Option<&'a str>)| match name.rsplit_once("__") {
        Some((field, word)) => {
            let keys = keys_from_text(field, text.unwrap_or_default()).expect("keys");
            (field.to_owned(), Change::of_links(field, word, keys).expect("an operation"))
        }
        None => (name.to_owned(), Change::to(text.map(str::to_owned))),
    };
    inputs.into_iter().map(change).collect()
}

/// The operator asks for changes, as [`changes_of`] reads them.
pub(crate) fn update<const N: usize>(
    resource: &str,
    selection: Selection,
    changes: [(&str, Option<&str>); N],
) -> BulkRequest {
    request(resource, selection, Requested::Update(changes_of(changes)))
}

/// The operator asks to delete.
pub(crate) fn delete(resource: &str, selection: Selection) -> BulkRequest {
    request(resource, selection, Requested::Delete)
}

fn request(resource: &str, selection: Selection, operation: Requested) -> BulkRequest {
    BulkRequest {
        resource: resource.to_owned(),
        operation,
        selection,
        user: User::operator(),
        route: Route::Auto,
        parent_id: None,
        on_conflict: None,
    }
}

/// In the background, however few the records are.
pub(crate) fn in_background(request: BulkRequest) -> BulkRequest {
    BulkRequest { route: Route::Background, ..request }
}

pub(crate) fn keys<K: ToString>(keys: impl IntoIterator<Item = K>) -> Selection {
    Selection::Keys(keys.into_iter().map(|key| key.to_string()).collect())
}

pub(crate) fn matching(app: &PowerCrud, resource: &str, conditions: &[&str]) -> Selection {
    let resource = app.resource(resource).expect("a resource");
    Selection::Matching(ListParams::from_conditions(resource, conditions).expect("conditions that fit"))
}

/// Submits what a worker has to do.
pub(crate) async fn queue(app: &PowerCrud, request: BulkRequest) -> BulkTask {
    match bulk::run(app, request).await.expect("a request without mistakes") {
        Answer::Queued { task, .. } => task,
        other => panic!("{other:?} is not queued"),
    }
}

/// Carries out a request to its end, by a worker of this process where it is queued.
pub(crate) async fn carry_out(app: &PowerCrud, request: BulkRequest) -> BulkTask {
    match bulk::run(app, request).await.expect("a request without mistakes") {
        Answer::Done(task) => task,
        Answer::Queued { task, .. } => work(app, &task).await,
        Answer::Duplicate(task) => panic!("{task:?} is running already"),
    }
}

/// Carries out a queued task.
pub(crate) async fn work(app: &PowerCrud, task: &BulkTask) -> BulkTask {
    app.worker().run_task(task.id, &CancellationToken::new()).await.expect("a worker that is not disturbed")
}

/// Key and code of each failed record, in the order of the selection.
pub(crate) async fn failures(app: &PowerCrud, task: &BulkTask) -> Vec<(String, String)> {
    let errors = store::errors(app, &powercrud::User::operator(), task.id, 0, 100_000).await.expect("errors");
    errors.into_iter().map(|error| (error.record_key, error.code)).collect()
}

/// Succeeded, failed, not attempted.
pub(crate) fn counts(task: &BulkTask) -> (u64, u64, u64) {
    assert_eq!(task.processed_records, task.succeeded_records + task.failed_records, "{task:?}");
    (task.succeeded_records, task.failed_records, task.unattempted_records())
}

/// How many rows of `table`, one of PowerCRUD's own or not.
pub(crate) async fn count(database: &TestDatabase, table: &str) -> usize {
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), format!("SELECT 1 FROM {table}"));
    connection.query_all_raw(statement).await.expect("rows").len()
}

/// Nothing holds anything any more.
pub(crate) async fn assert_no_locks(database: &TestDatabase) {
    assert_eq!(count(database, "powercrud_lock").await, 0, "locks are left");
}

/// Looks at a task until `until` holds, for half a minute at most.
pub(crate) async fn when(app: &PowerCrud, task: &BulkTask, mut until: impl FnMut(&BulkTask) -> bool) -> BulkTask {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let task = store::get(app, &User::operator(), task.id).await.expect("the task");
        if until(&task) {
            return task;
        }
        assert!(Instant::now() < deadline, "in vain: {task:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How many rows of `item` were changed once, where none was changed twice.
pub(crate) async fn touched_once(database: &TestDatabase) -> u64 {
    assert_eq!(count(database, "(SELECT 1 FROM item WHERE touched > 1) AS twice").await, 0, "a row was changed twice");
    count(database, "(SELECT 1 FROM item WHERE touched = 1) AS once").await as u64
}

/// The operator asks for an action.
pub(crate) fn action<const N: usize>(
    resource: &str,
    name: &str,
    selection: Selection,
    values: [(&str, &str); N],
) -> BulkRequest {
    let values = values.map(|(field, value)| (field.to_owned(), Some(value.to_owned())));
    request(resource, selection, Requested::Action { name: name.to_owned(), values: values.into() })
}
