//! Many-to-many fields: which records of another table a record is linked with, through a table that holds nothing but the links.
//!
//! Such a join table has two foreign keys, of one column each, that together are its primary key or a unique key; all its other columns
//! are filled by the database where they are left out. Both foreign keys lead to the record key of their table.

use super::{Reference, words};
use crate::config::ResourceSettings;
use powercrud_db::{Catalog, Column, ColumnType, ForeignKey, Table, TableKind};

/// The links of a record with records of another table.
#[derive(Clone, Debug)]
pub struct ManyToMany {
    /// The other table's name in the plural, such as `tags`, unless the settings name it; programs use it.
    pub name: String,
    /// For people.
    pub label: String,
    /// Help for people, from the settings or the join table's comment; may be empty.
    pub help_text: String,
    /// The join table.
    pub through: Table,
    /// The join table's column that holds this record's key.
    pub source: Column,
    /// The join table's column that holds the other record's key.
    pub target: Column,
    /// The other table.
    pub reference: Reference,
}

impl ManyToMany {
    /// Whether the join table has a key over the pair that is looked at with each row, so that an INSERT can go by it.
    pub(crate) fn has_immediate_key(&self) -> bool {
        let of_pair =
            |key: &&Vec<String>| key.len() == 2 && key.contains(&self.source.name) && key.contains(&self.target.name);
        let mut keys = std::iter::once(&self.through.primary_key).chain(&self.through.unique_keys);
        keys.any(|key| of_pair(&key) && !self.through.deferrable_keys.contains(key))
    }

    /// Whether the join table has keys over others of its columns than the pair, or over a part of it, that the database does not fill.
    pub(crate) fn has_other_keys(&self) -> bool {
        let is_filled = |name: &String| self.through.column(name).is_some_and(|column| column.identity);
        let is_pair =
            |key: &Vec<String>| key.len() == 2 && key.contains(&self.source.name) && key.contains(&self.target.name);
        let mut keys = std::iter::once(&self.through.primary_key).chain(&self.through.unique_keys);
        keys.any(|key| !key.is_empty() && !is_pair(key) && !key.iter().any(is_filled))
    }
}

/// Two columns of a join table: the one that leads to the resource's table and the one that leads away from it.
struct Ends<'a> {
    through: &'a Table,
    source: &'a Column,
    target: &'a Column,
    other: &'a Table,
    other_key: &'a Column,
}

impl Ends<'_> {
    /// What the settings may call it by: the join table, and where that is not enough the column.
    fn keys(&self) -> [String; 2] {
        let table = self.through.qualified_name();
        [format!("{table}.{}", self.target.name), table]
    }

    /// Names in order of preference: after the other table, after the join table, after both.
    fn names(&self, table: &Table) -> Vec<String> {
        let plural = |name: &str| words::plural(&words::singular(name));
        let column = &self.target.name;
        let bare = ["_id", "Id", "ID", "_ID"].iter().find_map(|end| column.strip_suffix(end)).filter(|b| !b.is_empty());
        let by_column = plural(bare.unwrap_or(column));
        let by_table = plural(&self.other.name);
        // In a table whose records are linked with each other, only the column tells the two directions apart.
        let first = if self.other.qualified_name() == table.qualified_name() { by_column.clone() } else { by_table };
        vec![first, self.through.name.clone(), by_column.clone(), format!("{}_{by_column}", self.through.name)]
    }
}

/// The many-to-many fields of a table. Mistakes in the settings go to `complain`, as setting and what is wrong.
pub(super) fn of_table(
    table: &Table,
    settings: &ResourceSettings,
    catalog: &Catalog,
    mut complain: impl FnMut(&str, String),
) -> Vec<ManyToMany> {
    let ends: Vec<Ends<'_>> = catalog.tables.iter().flat_map(|through| ends(table, through, catalog)).collect();
    let chosen = settings.many_to_many.clone().unwrap_or_default();
    for key in chosen.keys().filter(|key| !ends.iter().any(|ends| ends.keys().contains(key))) {
        let known: Vec<_> = ends.iter().map(|ends| ends.through.qualified_name()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        complain(
            "many_to_many",
            format!("{key:?} is no table that links {} with others; there are: {known}", table.name),
        );
    }
    let named = |ends: &Ends<'_>| ends.keys().iter().find_map(|key| chosen.get(key)).cloned();
    let mut fields: Vec<ManyToMany> = Vec::new();
    // What the settings name comes first, so that no other takes its name.
    let (by_settings, by_rule): (Vec<_>, Vec<_>) = ends.iter().partition(|ends| named(ends).is_some());
    for ends in by_settings.into_iter().chain(by_rule) {
        let taken = |name: &String| {
            let same = |other: &str| other.eq_ignore_ascii_case(name);
            table.columns.iter().any(|column| same(&column.name)) || fields.iter().any(|field| same(&field.name))
        };
        let name = match named(ends) {
            Some(name) if name.is_empty() => continue,
            Some(name) if taken(&name) => {
                complain("many_to_many", format!("there is a field {name:?} already; give the links another name"));
                continue;
            }
            Some(name) => Some(name),
            None => ends.names(table).into_iter().find(|name| !taken(name)),
        };
        let Some(name) = name else { continue };
        let text = |texts: &Option<crate::config::Texts>| texts.as_ref().and_then(|texts| texts.get(&name)).cloned();
        fields.push(ManyToMany {
            label: text(&settings.labels).unwrap_or_else(|| words::label(&name)),
            help_text: text(&settings.help_texts).unwrap_or_else(|| ends.through.comment.clone()),
            through: ends.through.clone(),
            source: ends.source.clone(),
            target: ends.target.clone(),
            reference: Reference {
                table: ends.other.clone(),
                column: ends.other_key.clone(),
                display: super::build::display_column(ends.other, |_| true).cloned(),
                resource: None,
            },
            name,
        });
    }
    fields
}

/// The ways from `table` through `through` to other records.
fn ends<'a>(table: &Table, through: &'a Table, catalog: &'a Catalog) -> Vec<Ends<'a>> {
    let Some([first, second]) = pair(through) else { return Vec::new() };
    let (Some(a), Some(b)) = (end(through, first, catalog), end(through, second, catalog)) else { return Vec::new() };
    let is_own = |end: &(&Column, &Table, &Column)| end.1.qualified_name() == table.qualified_name();
    let way = |from: (&'a Column, &'a Table, &'a Column), to: (&'a Column, &'a Table, &'a Column)| {
        let (other, other_key) = (to.1, to.2);
        is_own(&from).then_some(Ends { through, source: from.0, target: to.0, other, other_key })
    };
    way(a, b).into_iter().chain(way(b, a)).collect()
}

/// The columns of the two foreign keys, where the table holds nothing but links.
fn pair(through: &Table) -> Option<[&String; 2]> {
    if through.kind != TableKind::Table || through.inherited {
        return None;
    }
    let is_reference = |column: &str| reference_of(through, column).is_some();
    let keys = std::iter::once(&through.primary_key).chain(&through.unique_keys);
    let mut pairs = keys.filter_map(|key| match &key[..] {
        [first, second] if is_reference(first) && is_reference(second) => Some([first, second]),
        _ => None,
    });
    let pair = pairs.next()?;
    let filled = |column: &Column| {
        pair.contains(&&column.name)
            || column.nullable
            || column.default.is_some()
            || column.generated
            || column.identity
    };
    through.columns.iter().all(filled).then_some(pair)
}

fn reference_of<'a>(through: &'a Table, column: &str) -> Option<&'a ForeignKey> {
    through.foreign_keys.iter().find(|key| key.columns == [column])
}

/// A join table's column, the table it leads to and that table's key; nothing where the key is no single column that can be written.
fn end<'a>(through: &'a Table, column: &str, catalog: &'a Catalog) -> Option<(&'a Column, &'a Table, &'a Column)> {
    let key = reference_of(through, column)?;
    let table = catalog.table(key.referenced_schema.as_deref(), &key.referenced_table)?;
    let [primary_key] = &table.primary_key[..] else { return None };
    let target = table.column(primary_key).filter(|target| target.column_type != ColumnType::Bytes)?;
    (key.referenced_columns == [primary_key.clone()]).then_some((through.column(column)?, table, target))
}
