//! The definition of a table as a Rust struct. The macro `table!` derives the Arrow schema, the writer and the reader
//! from the struct, so that there is no second schema to keep in step.

/// Declares a row struct and, with the feature `std`, implements [`Row`] for it: the columns are in the order of the
/// fields, and the `doc` comments are the field metadata. A column that an earlier version of the format did not have
/// is declared with the value for rows of that version.
macro_rules! table {
    (
        $(#[doc = $table_doc:literal])*
        $(#[repr($repr:ident)])?
        $(#[derive($($derive:ident),*)])?
        pub struct $name:ident in $table:literal {
            $( $(#[doc = $doc:literal])+ pub $field:ident: $type:ty $(= $default:expr)?, )*
        }
    ) => {
        $(#[doc = $table_doc])*
        $(#[repr($repr)])?
        #[derive(Debug, Clone, PartialEq $($(, $derive)*)?)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )*
        }

        #[cfg(feature = "std")]
        impl crate::table::Row for $name {
            const TABLE: &'static str = $table;

            fn schema() -> arrow_schema::Schema {
                use crate::table::Cell;
                let fields = vec![ $( <$type as Cell>::field(stringify!($field), concat!($($doc),+)), )* ];
                let doc = concat!($($table_doc),*).trim().to_owned();
                arrow_schema::Schema::new_with_metadata(fields, std::collections::HashMap::from([("doc".to_owned(), doc)]))
            }

            fn to_columns(rows: &[Self]) -> Vec<arrow_array::ArrayRef> {
                use crate::table::Cell;
                vec![ $( <$type as Cell>::column(rows.iter().map(|row| &row.$field)), )* ]
            }

            fn from_batch(batch: &arrow_array::RecordBatch) -> Option<Vec<Self>> {
                use crate::table::Cell;
                $( let $field = <$type as Cell>::typed(batch, stringify!($field)); )*
                let cells = |row| {
                    Some(Self {
                        $( $field: match $field {
                            Some(column) => <$type as Cell>::get(column, row),
                            None => table!(@missing $($default)?),
                        }, )*
                    })
                };
                (0..batch.num_rows()).map(cells).collect()
            }

            fn time(&self) -> u64 {
                self.time
            }
        }
    };
    (@missing) => { return None };
    (@missing $default:expr) => { $default };
}

#[cfg(feature = "std")]
mod rows {
    use std::sync::Arc;

    use arrow_array::{
        Array, ArrayRef, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray, UInt8Array, UInt16Array,
        UInt32Array, UInt64Array,
    };
    use arrow_schema::{DataType, Field, Schema};

    /// A row of one of the trace's tables.
    pub trait Row: Sized {
        /// The table's name. The files of the table's segments are `TABLE-NNNNNN.arrow`.
        const TABLE: &'static str;
        /// Returns the Arrow schema, with one column for each field, in order. No column is nullable.
        fn schema() -> Schema;
        /// Returns the rows as columns.
        fn to_columns(rows: &[Self]) -> Vec<ArrayRef>;
        /// Returns the rows of a batch, or `None` if a column is missing or has another type. Unknown columns are
        /// ignored.
        fn from_batch(batch: &RecordBatch) -> Option<Vec<Self>>;
        /// Returns the time of the row, in ns of the header's clock.
        fn time(&self) -> u64;
    }

    /// A type that a column can hold.
    pub trait Cell: Sized {
        type Column: Array + 'static;
        const TYPE: DataType;

        fn column<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef
        where
            Self: 'a;
        fn get(column: &Self::Column, row: usize) -> Self;

        fn field(name: &str, doc: &str) -> Field {
            Field::new(name, Self::TYPE, false)
                .with_metadata(std::collections::HashMap::from([("doc".to_owned(), doc.trim().to_owned())]))
        }

        fn typed<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a Self::Column> {
            batch.column_by_name(name)?.as_any().downcast_ref()
        }
    }

    macro_rules! primitive_cell {
        ($($type:ty => $column:ty, $data_type:ident;)*) => { $(
            impl Cell for $type {
                type Column = $column;
                const TYPE: DataType = DataType::$data_type;

                fn column<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                    Arc::new(<$column>::from_iter_values(values.copied()))
                }

                fn get(column: &$column, row: usize) -> Self {
                    column.value(row)
                }
            }
        )* };
    }

    primitive_cell! {
        u8 => UInt8Array, UInt8;
        u16 => UInt16Array, UInt16;
        u32 => UInt32Array, UInt32;
        u64 => UInt64Array, UInt64;
        i16 => Int16Array, Int16;
        i32 => Int32Array, Int32;
        i64 => Int64Array, Int64;
    }

    impl Cell for String {
        type Column = StringArray;
        const TYPE: DataType = DataType::Utf8;

        fn column<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
            Arc::new(StringArray::from_iter_values(values))
        }

        fn get(column: &StringArray, row: usize) -> Self {
            column.value(row).to_owned()
        }
    }
}
#[cfg(feature = "std")]
pub use rows::{Cell, Row};
