//! A decoded column in `SQLite`'s types.

use polars::prelude::{DataType, PolarsResult, Series};

/// The values of one column, of which `None` is NULL.
pub(super) enum Column {
    Integers(Vec<Option<i64>>),
    Reals(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

/// One value of a column.
pub(super) enum Value<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
}

/// Returns the name of `SQLite`'s type for a column of this polars type.
pub(super) fn sql_type(dtype: &DataType) -> &'static str {
    match dtype {
        DataType::Boolean => "INTEGER",
        dtype if dtype.is_integer() => "INTEGER",
        dtype if dtype.is_float() => "REAL",
        _ => "TEXT",
    }
}

impl Column {
    /// Converts a polars column. `SQLite`'s integers end at 2^63-1. The number 2^64-1, which is the kernel's -1UL for
    /// "no page", becomes NULL. The numbers between them, which are raw kernel addresses, become negative numbers with
    /// the same 64 bits.
    pub fn new(series: &Series) -> PolarsResult<Self> {
        macro_rules! integers {
            ($numbers:expr) => {
                Self::Integers($numbers.iter().map(|number| number.map(i64::from)).collect())
            };
        }
        Ok(match series.dtype() {
            DataType::Boolean => integers!(series.bool()?),
            DataType::UInt8 => integers!(series.u8()?),
            DataType::UInt16 => integers!(series.u16()?),
            DataType::UInt32 => integers!(series.u32()?),
            DataType::UInt64 => {
                let number = |number: Option<u64>| number.filter(|number| *number != u64::MAX).map(u64::cast_signed);
                Self::Integers(series.u64()?.iter().map(number).collect())
            }
            DataType::Int16 => integers!(series.i16()?),
            DataType::Int32 => integers!(series.i32()?),
            DataType::Int64 => integers!(series.i64()?),
            DataType::Float32 => Self::Reals(series.f32()?.iter().map(|number| number.map(f64::from)).collect()),
            DataType::Float64 => Self::Reals(series.f64()?.iter().collect()),
            DataType::String => Self::Texts(series.str()?.iter().map(|text| text.map(str::to_owned)).collect()),
            // No table has a column of another type today.
            _ => {
                Self::Texts(series.cast(&DataType::String)?.str()?.iter().map(|text| text.map(str::to_owned)).collect())
            }
        })
    }

    /// Returns the column's value in a row.
    pub fn value(&self, row: usize) -> Value<'_> {
        let value = match self {
            Self::Integers(numbers) => numbers.get(row).copied().flatten().map(Value::Integer),
            Self::Reals(numbers) => numbers.get(row).copied().flatten().map(Value::Real),
            Self::Texts(texts) => texts.get(row).and_then(|text| text.as_deref()).map(Value::Text),
        };
        value.unwrap_or(Value::Null)
    }

    /// Adds the values of a column of the same type.
    pub fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Integers(numbers), Self::Integers(more)) => numbers.extend(more),
            (Self::Reals(numbers), Self::Reals(more)) => numbers.extend(more),
            (Self::Texts(texts), Self::Texts(more)) => texts.extend(more),
            // All segments of a table have one schema. The rows of a forged segment with another one read as NULL.
            _ => {}
        }
    }
}
