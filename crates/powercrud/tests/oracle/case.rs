//! What is tried: a schema with rows, a selection and an operation, each told twice, once to PowerCRUD and once as SQL.

use powercrud::Atomicity;

/// One thing to try.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Statements that make the tables and their rows.
    pub(crate) script: Vec<String>,
    /// The table as SQL names it.
    pub(crate) table: String,
    /// The table as PowerCRUD names it.
    pub(crate) resource: String,
    /// The key's columns as SQL names them.
    pub(crate) key: Vec<String>,
    /// How a row is found again by the judge.
    pub(crate) identity: Identity,
    /// The records in PowerCRUD's filters, such as `cat=a`.
    pub(crate) filters: Vec<String>,
    /// The same records as the condition of a plain SELECT.
    pub(crate) condition: String,
    pub(crate) operation: Operation,
    pub(crate) atomicity: Atomicity,
    pub(crate) chunk_size: u64,
    /// Codes of failed records that plain SQL does not refuse: records that PowerCRUD says it can't tell apart or can't find.
    pub(crate) may_refuse: Vec<&'static str>,
    /// Whether the whole table may be read-only instead, with a reason.
    pub(crate) may_be_read_only: bool,
}

/// What happens to each selected record.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Set fields.
    Update(Vec<Set>),
    Delete,
}

/// A field's new value.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    /// The column as SQL names it.
    pub(crate) column: String,
    /// The field as PowerCRUD names it.
    pub(crate) field: String,
    /// As a person types it; `None` is NULL.
    pub(crate) typed: Option<String>,
    /// As SQL writes it.
    pub(crate) literal: String,
}

/// How the judge finds one row again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The place or number that the database itself gives each row: SQLite's rowid, PostgreSQL's ctid, an invisible number on MariaDB.
    Row,
    /// The key's columns; for tables without such a number, and where triggers move rows.
    Key,
}

impl Case {
    /// A case over the table `t` with the key `id`, that selects `cat = 'a'`; nothing is changed yet.
    pub(crate) fn new(name: &str, script: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            script: script.iter().map(|statement| (*statement).to_owned()).collect(),
            table: "t".into(),
            resource: "t".into(),
            key: vec!["id".into()],
            identity: Identity::Row,
            filters: vec!["cat=a".into()],
            condition: "cat = 'a'".into(),
            operation: Operation::Delete,
            atomicity: Atomicity::Chunk,
            chunk_size: 4,
            may_refuse: Vec::new(),
            may_be_read_only: false,
        }
    }

    /// Sets `field` to a value that SQL and people write alike but for the quotes.
    pub(crate) fn set(mut self, field: &str, value: &str) -> Self {
        let literal = format!("'{}'", value.replace('\'', "''"));
        let set = Set { column: field.to_owned(), field: field.to_owned(), typed: Some(value.to_owned()), literal };
        match &mut self.operation {
            Operation::Update(sets) => sets.push(set),
            Operation::Delete => self.operation = Operation::Update(vec![set]),
        }
        self
    }

    pub(crate) fn on(mut self, table: &str) -> Self {
        self.table = table.to_owned();
        self.resource = table.to_owned();
        self
    }

    pub(crate) fn key(mut self, columns: &[&str]) -> Self {
        self.key = columns.iter().map(|column| (*column).to_owned()).collect();
        self
    }

    pub(crate) fn by_key(mut self) -> Self {
        self.identity = Identity::Key;
        self
    }

    pub(crate) fn may_refuse(mut self, codes: &[&'static str]) -> Self {
        self.may_refuse = codes.to_vec();
        self
    }

    pub(crate) fn may_be_read_only(mut self) -> Self {
        self.may_be_read_only = true;
        self
    }

    /// The same as update and as delete, by chunks and all or nothing.
    pub(crate) fn every_way(self) -> Vec<Self> {
        let mut cases = Vec::new();
        let mut operations = vec![("delete", Operation::Delete)];
        if let Operation::Update(_) = &self.operation {
            operations.push(("update", self.operation.clone()));
        }
        for (word, operation) in operations {
            for (how, atomicity) in [("chunk", Atomicity::Chunk), ("all", Atomicity::All)] {
                let name = format!("{}, {word}, {how}", self.name);
                cases.push(Self { name, operation: operation.clone(), atomicity, ..self.clone() });
            }
        }
        cases
    }
}
