//! What a preview foretells of failures is what happens: tables with generated rules and rows, changes of generated values, and the bulk
//! task itself as the judge, record by record.

use std::{collections::BTreeMap, fmt::Write as _};

use powercrud::{
    PowerCrud, Selection,
    bulk::{BulkRequest, Preview, Requested, plan},
    task::BulkTask,
};
use sea_orm::ConnectionTrait as _;

use crate::{
    shop::{carry_out, delete, discovered, failures, in_background, keys, matching, rows, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { of_generated_rules, of_what_cannot_be_asked, in_words, of_deletes }
each_database! { [postgres] of_a_value_that_the_type_refuses, of_a_rule_that_cannot_be_evaluated }

/// Numbers that look random, the same for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Conditions that all three databases can read.
const CHECKS: [&str; 14] = [
    "sale < price",
    "sale IS NULL OR sale < price",
    "a <= b",
    "a <> b",
    "name <> code",
    "length(name) <= a + 1",
    "d1 <= d2",
    "price > 2 OR name IS NOT NULL",
    "b % 3 <> 0",
    "NOT (a = 3 AND b > 2)",
    "coalesce(a, 0) + b < 9",
    "name LIKE 'x%' OR code IS NULL OR a IS NULL",
    "CASE WHEN a = 1 THEN b < 3 ELSE b < 5 END",
    "f < price AND f > 0.2",
];

const COLUMNS: [&str; 11] = ["id", "a", "b", "price", "sale", "f", "name", "code", "d1", "d2", "pa"];

/// Values of each column that a change may set.
fn values(column: &str) -> &'static [&'static str] {
    match column {
        "a" | "b" => &["0", "1", "2", "3", "4"],
        "price" | "sale" => &["1.50", "2.00", "2.5", "9.99", "0"],
        "f" => &["0.1", "2.5", "7"],
        "name" => &["x", "X", "xx", "y", "", "longer one"],
        "code" => &["x", "X", "Y", "z9"],
        "d1" | "d2" => &["2024-01-01", "2024-06-01", "2025-01-01"],
        "pa" | "pb" => &["1", "2", "3"],
        other => panic!("{other}"),
    }
}

fn literal(dice: &mut Dice, column: &str) -> String {
    let may_be_null = !matches!(column, "b" | "price");
    if may_be_null && dice.below(5) == 0 {
        return "NULL".to_owned();
    }
    let value = dice.one(values(column));
    match column {
        "name" | "code" | "d1" | "d2" => format!("'{value}'"),
        _ => value.to_owned(),
    }
}

async fn of_generated_rules(database: TestDatabase) {
    let seed = std::env::var("POWERCRUD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
        now.as_nanos() as u64
    });
    eprintln!("POWERCRUD_SEED={seed}");
    let mut dice = Dice(seed);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..4 {
        let table = format!("thing{round}");
        make(&database, &table, &mut dice).await;
        let app = discovered(&database).await;
        for _ in 0..5 {
            one_change(&database, &app, &table, &mut dice, &mut seen).await;
        }
    }
    eprintln!("{seen:?}");
    assert!(seen.contains_key("changed") && seen.contains_key("CHECK"), "seed {seed} shows nothing: {seen:?}");
}

/// Two to four checks, a unique key over two columns, a reference of two columns, and the rows that pass.
async fn make(database: &TestDatabase, table: &str, dice: &mut Dice) {
    let collate = if database.kind == Kind::Sqlite && dice.below(2) == 0 { "COLLATE NOCASE" } else { "" };
    let checks = (0..2 + dice.below(3)).fold(String::new(), |mut checks, index| {
        write!(checks, ", CONSTRAINT c{index}_{table} CHECK ({})", dice.one(&CHECKS)).expect("a text");
        checks
    });
    let unique = dice.one(&["name, code", "a, name", "pa, a, code"]);
    let fixed = if dice.below(2) == 0 { "char(12)" } else { "varchar(12)" };
    database
        .execute(&format!(
            "CREATE TABLE parent_{table} (pa integer NOT NULL, pb integer NOT NULL, PRIMARY KEY (pa, pb));
             INSERT INTO parent_{table} VALUES (1, 1), (1, 2), (2, 2), (3, 1);
             CREATE TABLE {table} (id integer PRIMARY KEY, a integer, b integer NOT NULL, price decimal(10, 2) NOT NULL,
                sale decimal(10, 2), f float, name {fixed} {collate}, code varchar(8), d1 date, d2 date, pa integer,
                pb integer, UNIQUE ({unique}), FOREIGN KEY (pa, pb) REFERENCES parent_{table} (pa, pb){checks});"
        ))
        .await;
    for id in 1..=60 {
        let cells: Vec<_> = COLUMNS[1..].iter().chain(&["pb"]).map(|column| literal(dice, column)).collect();
        // What breaks a rule is not there, that is all.
        let sql = format!("INSERT INTO {table} VALUES ({id}, {})", cells.join(", "));
        let _ = database.connection().execute_unprepared(&sql).await;
    }
}

async fn one_change(
    database: &TestDatabase,
    app: &PowerCrud,
    table: &str,
    dice: &mut Dice,
    seen: &mut BTreeMap<String, u64>,
) {
    let selection = match dice.below(3) {
        0 => matching(app, table, &["b__gte=2"]),
        1 => keys((1..=60).filter(|_| dice.below(3) > 0).collect::<Vec<_>>()),
        _ => Selection::All,
    };
    let mut inputs: BTreeMap<String, Option<String>> = BTreeMap::new();
    for _ in 0..1 + dice.below(3) {
        let column = dice.one(&["a", "b", "price", "sale", "f", "name", "code", "d1", "d2", "pa", "pb"]);
        let value = literal(dice, column);
        inputs.insert(column.to_owned(), (value != "NULL").then(|| value.trim_matches('\'').to_owned()));
    }
    let inputs: Vec<_> = inputs.into_iter().collect();
    let request = BulkRequest {
        operation: Requested::Update(inputs.iter().cloned().collect()),
        ..in_background(update(table, selection, [("b", Some("1"))]))
    };
    // What is wrong with the request as a whole is refused before there is anything to foretell; so is nothing at all.
    let Ok(planned) = plan(app, request.clone()).await else { return };
    let preview = planned.preview().await.expect("a preview");
    let columns: Vec<&str> = COLUMNS.into_iter().chain(["pb"]).collect();
    let before = rows(database, table, &columns).await;
    if preview.total_records == 0 {
        return;
    }
    let task = carry_out(app, request).await;
    let after = rows(database, table, &columns).await;
    let changed = before.iter().filter(|(key, row)| after.get(*key) != Some(row)).count() as u64;
    let context = format!("{table}: {inputs:?}\n{preview:#?}\n{task:?}");
    let mut real: BTreeMap<String, u64> = BTreeMap::new();
    for (_, code) in failures(app, &task).await {
        *real.entry(code).or_default() += 1;
    }
    let mut foretold: BTreeMap<String, u64> = BTreeMap::new();
    for failure in &preview.failures {
        *foretold.entry(failure.code.clone()).or_default() += failure.records;
    }
    assert_eq!(foretold, real, "reasons: {context}");
    assert_eq!(preview.failing_records, task.failed_records, "failed: {context}");
    assert_eq!(preview.changing_records, changed, "changed: {context}");
    let unchanged = task.total_records - task.failed_records - changed;
    assert_eq!(preview.unchanged_records, unchanged, "unchanged: {context}");
    assert_eq!(preview.unknown, Vec::<String>::new(), "{context}");
    for (name, number) in real.into_iter().chain([("changed".to_owned(), changed)]) {
        if number > 0 {
            *seen.entry(name).or_default() += number;
        }
    }
}

async fn preview(app: &PowerCrud, request: BulkRequest) -> Preview {
    plan(app, request).await.expect("a plan").preview().await.expect("a preview")
}

/// Triggers are said to be there, on update and on delete alike, and only then.
async fn of_what_cannot_be_asked(database: TestDatabase) {
    let trigger = |event: &str, table: &str| match database.kind {
        Kind::Sqlite => format!("CREATE TRIGGER t_{table} BEFORE {event} ON {table} BEGIN SELECT 1; END;"),
        Kind::Postgres => format!(
            "CREATE FUNCTION f_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN COALESCE(NEW, OLD); END $$;
             CREATE TRIGGER t_{table} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION f_{table}();"
        ),
        Kind::Mysql => format!("CREATE TRIGGER t_{table} BEFORE {event} ON {table} FOR EACH ROW SET @seen = 1;"),
    };
    let mut script = String::new();
    for table in ["plain", "on_update", "on_delete"] {
        write!(script, "CREATE TABLE {table} (id integer PRIMARY KEY, n integer); INSERT INTO {table} VALUES (1, 1);")
            .expect("a text");
    }
    script += &trigger("UPDATE", "on_update");
    script += &trigger("DELETE", "on_delete");
    database.execute(&script).await;
    let app = discovered(&database).await;
    for (table, of_update, of_delete) in
        [("plain", false, false), ("on_update", true, false), ("on_delete", false, true)]
    {
        let seen = preview(&app, update(table, Selection::All, [("n", Some("2"))])).await;
        assert_eq!(seen.unknown == ["triggers"], of_update, "{table}: {seen:?}");
        let seen = preview(&app, delete(table, Selection::All)).await;
        assert_eq!(seen.unknown == ["triggers"], of_delete, "{table}: {seen:?}");
    }
}

/// The reason is told as a person would, with the rule.
async fn in_words(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE book (id integer PRIMARY KEY, price decimal(10, 2) NOT NULL, sale_price decimal(10, 2),
                CONSTRAINT cheaper CHECK (sale_price IS NULL OR sale_price < price));
             INSERT INTO book VALUES (1, 10, NULL), (2, 5, 4), (3, 4, NULL), (4, 20, 5);",
        )
        .await;
    let app = discovered(&database).await;
    let seen = preview(&app, in_background(update("book", Selection::All, [("sale_price", Some("5"))]))).await;
    assert_eq!((seen.changing_records, seen.unchanged_records, seen.failing_records), (1, 1, 2), "{seen:?}");
    let failure = &seen.failures[0];
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("CHECK", "the sale price is not below the price"));
    assert!(failure.rule.to_lowercase().contains("sale_price < price"), "{}", failure.rule);
    assert!(!seen.all_or_nothing);
    let at_once = preview(&app, update("book", Selection::All, [("sale_price", Some("5"))])).await;
    assert!(at_once.all_or_nothing);
}

/// A delete: rows of its own table that refer to each other, and rows that only a cascade would meet.
async fn of_deletes(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE node (id integer PRIMARY KEY, parent_id integer, FOREIGN KEY (parent_id) REFERENCES node (id));
             CREATE TABLE leaf (id integer PRIMARY KEY, node_id integer NOT NULL, FOREIGN KEY (node_id) REFERENCES node (id) ON DELETE CASCADE);
             CREATE TABLE use_of_leaf (id integer PRIMARY KEY, leaf_id integer NOT NULL, FOREIGN KEY (leaf_id) REFERENCES leaf (id));
             INSERT INTO node VALUES (1, NULL), (2, 1), (3, 1), (4, NULL), (5, 4), (6, NULL), (7, NULL);
             INSERT INTO leaf VALUES (1, 6), (2, 7);
             INSERT INTO use_of_leaf VALUES (1, 1);",
        )
        .await;
    let app = discovered(&database).await;
    // 1 goes with its children, 4 is kept by 5, 6 by what uses its leaf.
    let request = in_background(delete("node", keys([1, 2, 3, 4, 6, 7])));
    let seen = preview(&app, request.clone()).await;
    assert_eq!((seen.total_records, seen.blocked_records, seen.changing_records), (6, 2, 4), "{seen:?}");
    let task: BulkTask = carry_out(&app, request).await;
    assert_eq!((task.succeeded_records, task.failed_records), (4, 2), "as foretold");
}

async fn of_a_value_that_the_type_refuses(database: TestDatabase) {
    database
        .execute(
            "CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0);
             CREATE TABLE pair (id integer PRIMARY KEY, n even, m integer);
             INSERT INTO pair SELECT g, 2, g FROM generate_series(1, 10) AS g;",
        )
        .await;
    let app = discovered(&database).await;
    let request = in_background(update("pair", Selection::All, [("n", Some("3"))]));
    let seen = preview(&app, request.clone()).await;
    assert_eq!((seen.changing_records, seen.failing_records, seen.failures.len()), (0, 10, 1), "{seen:?}");
    let task = carry_out(&app, request).await;
    assert_eq!((task.failed_records, failures(&app, &task).await[0].1.as_str()), (10, seen.failures[0].code.as_str()));
}

async fn of_a_rule_that_cannot_be_evaluated(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE pair (id integer PRIMARY KEY, n integer, m integer,
                CONSTRAINT ratio CHECK (100 / m > n), CONSTRAINT small CHECK (n < 5));
             INSERT INTO pair SELECT g, 1, g FROM generate_series(1, 10) AS g;",
        )
        .await;
    let app = discovered(&database).await;
    let request =
        in_background(update("pair", matching(&app, "pair", &["id__lte=4"]), [("m", Some("0")), ("n", Some("7"))]));
    let seen = preview(&app, request).await;
    assert_eq!(seen.unknown, ["CHECK ratio"]);
    assert_eq!((seen.failing_records, seen.changing_records), (4, 0), "the other rule still tells: {seen:?}");
}
