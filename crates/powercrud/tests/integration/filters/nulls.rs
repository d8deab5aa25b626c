//! What is empty: NULL, and nothing that a database takes for it.

use super::{compare, open};
use crate::support::{TestDatabase, each_database};

each_database! { [mysql] zero_dates_are_not_empty }

/// `IS NULL` finds the zero dates of a NOT NULL column too, also through a view that joins it.
async fn zero_dates_are_not_empty(database: TestDatabase) {
    database
        .execute(
            "SET sql_mode = '';
             CREATE TABLE other (id INTEGER PRIMARY KEY, d DATE NOT NULL, at DATETIME NOT NULL, ts TIMESTAMP NOT NULL DEFAULT '0000-00-00', e DATE);
             INSERT INTO other VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00'), (2, '2024-01-01', '2024-01-01', '2024-01-01', NULL);
             CREATE TABLE thing AS SELECT * FROM other;
             ALTER TABLE thing ADD PRIMARY KEY (id);
             CREATE TABLE number (id INTEGER PRIMARY KEY);
             INSERT INTO number VALUES (1), (2), (3);
             CREATE VIEW joined AS SELECT number.id, d, at FROM number LEFT JOIN other ON other.id = number.id;",
        )
        .await;
    let (_, api) = open(&database).await;
    compare(
        &database,
        &api,
        &[
            ("d__ne=0000-00-00", "id = 2"),
            ("d__ne=2024-01-01", "id = 1"),
            ("d__isnull=true", "FALSE"),
            ("d__isnull=false", "TRUE"),
            ("at__ne=0000-00-00 00:00:00", "id = 2"),
            ("at__isnull=true", "FALSE"),
            ("at__isnull=false", "TRUE"),
            ("ts__isnull=true", "FALSE"),
            ("e__ne=0000-00-00", "id = 2"),
            ("e__isnull=true", "id = 2"),
            ("e__isnull=false", "id = 1"),
        ],
    )
    .await;
    for (filter, count) in [("d__isnull=true", 1), ("d__isnull=false", 2), ("at__ne=0000-00-00 00:00:00", 2)] {
        let path = format!("/api/v1/resources/joined/records?{}", filter.replace(' ', "%20"));
        let listed = api.get(&path).await.expect(200).json["records"].as_array().map_or(0, Vec::len);
        assert_eq!(listed, count, "{filter}");
    }
}
