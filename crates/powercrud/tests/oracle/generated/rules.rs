//! What a generated table holds its rows to: a CHECK over two columns, a unique column, a reference, a generated column.

use rand::rngs::StdRng;

use super::{
    one_in,
    schema::{Column, Schema},
    types::{Compare, Type},
};

/// What happens to a row that refers to one that is deleted.
pub(super) const ACTIONS: &[&str] = &["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"];

/// Which of them a table has.
#[derive(Debug)]
pub(super) struct Rules {
    check: bool,
    pub(super) refers: bool,
    generated: bool,
    pub(super) unique: bool,
}

const fn integer(values: &'static [&'static str]) -> Type {
    Type { sql: "integer", compare: Compare::Ordered, key: false, values }
}

static LOW: Type = integer(&["1", "7", "11"]);
static TOP: Type = integer(&["20", "50", "500"]);
/// What a reference may be set to: one row is not there. Rows begin with those that are.
static UPPER: Type = integer(&["1", "2"]);
static UNIQUE: Type = integer(&["1", "2", "101"]);

impl Rules {
    pub(super) fn choose(schema: &Schema, random: &mut StdRng) -> Self {
        let mut has = || one_in(random, 3);
        let (check, refers, generated, unique) = (has(), has(), has(), has());
        Self { check, refers, generated, unique: unique && schema.key > 0 }
    }

    /// Their columns, as SQL, after the table's own.
    pub(super) fn columns(&self) -> Vec<String> {
        let mut columns = Vec::new();
        if self.check {
            columns.extend(["rule_low integer".to_owned(), "rule_top integer".to_owned()]);
        }
        if self.refers {
            columns.push("rule_upper integer".to_owned());
        }
        if self.generated {
            columns.push("rule_twice integer GENERATED ALWAYS AS (tag * 2) STORED".to_owned());
        }
        if self.unique {
            columns.push("rule_unique integer UNIQUE".to_owned());
        }
        columns
    }

    pub(super) fn constraints(&self) -> Vec<String> {
        let mut constraints = Vec::new();
        if self.check {
            constraints.push("CONSTRAINT rule_order CHECK (rule_low IS NULL OR rule_low <= rule_top)".to_owned());
        }
        if self.refers {
            constraints.push("FOREIGN KEY (rule_upper) REFERENCES upper_one (id)".to_owned());
        }
        constraints
    }

    /// Those of their columns that can be written, in the same order.
    pub(super) fn fields(&self) -> Vec<Column> {
        let column = |name: &str, of| Column { name: name.to_owned(), of, nullable: true };
        let mut fields = Vec::new();
        if self.check {
            fields.extend([column("rule_low", &LOW), column("rule_top", &TOP)]);
        }
        if self.refers {
            fields.push(column("rule_upper", &UPPER));
        }
        if self.unique {
            fields.push(column("rule_unique", &UNIQUE));
        }
        fields
    }
}

/// Values beyond those that rows begin with: some rows, or all, break a rule by them.
pub(super) fn breaking(column: &str) -> Option<&'static str> {
    match column {
        "rule_low" => Some("90"),
        "rule_top" => Some("3"),
        "rule_upper" => Some("9"),
        _ => None,
    }
}
