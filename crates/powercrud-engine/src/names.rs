//! How an application names fields: by texts, or by the columns of a SeaORM entity.

use std::borrow::Cow;

use sea_orm::ColumnTrait;

/// Marks what is named by a text.
#[derive(Clone, Copy, Debug)]
pub struct ByText;

/// Marks what is named by a column of a SeaORM entity.
#[derive(Clone, Copy, Debug)]
pub struct ByColumn;

/// Marks what is lent.
#[derive(Clone, Copy, Debug)]
pub struct ByReference<M>(std::marker::PhantomData<M>);

/// A field's name: a text of any kind, or a column of a SeaORM entity.
///
/// `M` tells the kinds apart for the compiler and is never written.
///
/// ```
/// use powercrud_engine::resource::Resource;
/// use sea_orm::entity::prelude::*;
///
/// #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #[sea_orm(table_name = "book")]
/// pub struct Model {
///     #[sea_orm(primary_key)]
///     pub id: i32,
///     pub title: String,
///     pub price: i32,
/// }
/// # #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// # pub enum Relation {}
/// # impl ActiveModelBehavior for ActiveModel {}
///
/// let by_column = Resource::entity::<Entity>().list_fields([Column::Title, Column::Price]).display_field(Column::Title);
/// let by_text = Resource::table("book").list_fields(vec!["title", "price"]).display_field("title");
/// # let _ = (by_column, by_text);
/// ```
pub trait FieldName<M> {
    /// The name as the database spells it.
    fn field_name(self) -> String;
}

impl FieldName<ByText> for &str {
    fn field_name(self) -> String {
        self.to_owned()
    }
}

impl FieldName<ByText> for String {
    fn field_name(self) -> String {
        self
    }
}

impl FieldName<ByText> for Cow<'_, str> {
    fn field_name(self) -> String {
        self.into_owned()
    }
}

impl<C: ColumnTrait> FieldName<ByColumn> for C {
    fn field_name(self) -> String {
        self.as_str().to_owned()
    }
}

impl<M, N: FieldName<M> + Clone> FieldName<ByReference<M>> for &N {
    fn field_name(self) -> String {
        self.clone().field_name()
    }
}

/// Several names of fields: an array, a slice, a vector, or whatever can be walked through.
pub trait FieldNames<M> {
    /// The names, in their order.
    fn field_names(self) -> Vec<String>;
}

impl<M, I: IntoIterator<Item: FieldName<M>>> FieldNames<M> for I {
    fn field_names(self) -> Vec<String> {
        self.into_iter().map(FieldName::field_name).collect()
    }
}

/// A whole number of any type, with or without sign.
pub trait WholeNumber {
    /// The number, where it is not below zero and not beyond what 64 bits hold; else as it was written.
    ///
    /// # Errors
    /// The number that does not fit.
    fn to_u64(self) -> Result<u64, String>;
}

macro_rules! whole_numbers {
    ($($type:ty)*) => {
        $(impl WholeNumber for $type {
            fn to_u64(self) -> Result<u64, String> {
                u64::try_from(self).map_err(|_| self.to_string())
            }
        })*
    };
}

whole_numbers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }
