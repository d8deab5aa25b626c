//! Timestamps that SQLite keeps as texts, to the last digit of their seconds.

use super::{found, open};
use crate::support::{TestDatabase, each_database};

each_database! { [sqlite] every_digit_counts, numbers_are_no_moments }

async fn every_digit_counts(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (id INTEGER PRIMARY KEY, at DATETIME, t TIME);
             INSERT INTO thing VALUES (1, '2026-01-01 00:00:00.123456', '10:00:00.123456'),
               (2, '2026-01-01 00:00:00.123457', '10:00:00.123457'), (3, '2026-01-01 00:00:00.123', '10:00:00.123'),
               (4, '2026-01-01T00:00:00.123456Z', '10:00:00.1234560'), (5, '2026-01-01 02:00:00.1234560+02:00', '10:00:00.123456'),
               (6, '2026-01-01 00:00:00.9999', '10:00:00.9999'), (7, '2026-01-01 00:00:01', '10:00:01'), (8, NULL, NULL);",
        )
        .await;
    let (_, api) = open(&database).await;
    for (filter, keys) in [
        ("at=2026-01-01 00:00:00.123456", "1 4 5"),
        ("at__ne=2026-01-01 00:00:00.123456", "2 3 6 7 8"),
        ("at=2026-01-01 00:00:00.123", "3"),
        ("at__gt=2026-01-01 00:00:00.123", "1 2 4 5 6 7"),
        ("at__gt=2026-01-01 00:00:00.123456", "2 6 7"),
        ("at__gte=2026-01-01 00:00:00.123457", "2 6 7"),
        ("at__lt=2026-01-01 00:00:00.123457", "1 3 4 5"),
        ("at__lt=2026-01-01 00:00:01", "1 2 3 4 5 6"),
        ("at=2026-01-01 00:00:01", "7"),
        ("at=2026-01-01T01:00:01+01:00", "7"),
        ("t=10:00:00.123456", "1 4 5"),
        ("t__gt=10:00:00.123456", "2 6 7"),
        ("t__lte=10:00:00.123", "3"),
        ("t=10:00:01", "7"),
    ] {
        let found = found(&api, filter).await.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(found, keys, "{filter}");
    }
}

/// A number is no day and no time of day, whatever SQLite's functions take it for; a text that is none isn't one either.
async fn numbers_are_no_moments(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (id INTEGER PRIMARY KEY, at DATETIME, t TIME);
             INSERT INTO thing VALUES (1, 2460000.5, 5), (2, 1756600000, 0.25), (3, 'now', 'noon'), (4, x'32303236', x'31323a3030'),
               (5, '2023-02-25 00:00:00', '12:00:00'), (6, '2023-02-25', '2000-01-01 12:00:00');",
        )
        .await;
    let (_, api) = open(&database).await;
    for (filter, keys) in [
        ("at=2023-02-25 00:00:00", "5 6"),
        ("at__ne=2023-02-25 00:00:00", "1 2 3 4"),
        ("at__gte=1000-01-01 00:00:00", "5 6"),
        ("at__lt=9000-01-01 00:00:00", "5 6"),
        // Some keep a day before the time.
        ("t=12:00", "5 6"),
        ("t=18:00", ""),
        ("t__gte=00:00", "5 6"),
        ("t__ne=12:00", "1 2 3 4"),
    ] {
        let found = found(&api, filter).await.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(found, keys, "{filter}");
    }
}
