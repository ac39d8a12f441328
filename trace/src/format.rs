//! The `format` file of a tracepoint, as tracefs shows it:
//!
//! ```text
//! name: mm_page_free
//! ID: 655
//! format:
//!         field:unsigned short common_type;       offset:0;       size:2; signed:0;
//!         field:unsigned long pfn;        offset:8;       size:8; signed:0;
//!
//! print fmt: "page=%p pfn=0x%lx order=%d", …
//! ```

use crate::Error;

/// A tracepoint's record layout and print format. Layouts differ between kernels, so the program assumes nothing about
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracepointFormat {
    /// The name of the tracepoint.
    pub name: String,
    /// The number by which `perf_event_open` identifies the tracepoint.
    pub id: u32,
    /// The fields in the order of the file, including `common_*`.
    pub fields: Vec<Field>,
    /// The text after `print fmt:`.
    pub print_fmt: String,
}

/// One field of a tracepoint's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name of the field.
    pub name: String,
    /// The C type of the field as the kernel prints it.
    pub c_type: String,
    /// The offset of the field, in bytes from the start of the record.
    pub offset: u32,
    /// The size of the field in bytes.
    pub size: u32,
    /// Whether the type is signed.
    pub signed: bool,
}

impl TracepointFormat {
    /// Parses the text of a `format` file.
    ///
    /// # Errors
    /// [`Error::Kernel`] names the line that no known kernel prints.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut format = Self { name: String::new(), id: 0, fields: Vec::new(), print_fmt: String::new() };
        for line in text.lines() {
            let line = line.trim();
            let bad =
                |reason| Error::Kernel { what: "the tracepoint format", at: line.chars().take(80).collect(), reason };
            if let Some(name) = line.strip_prefix("name:") {
                name.trim().clone_into(&mut format.name);
            } else if let Some(id) = line.strip_prefix("ID:") {
                format.id = id.trim().parse().map_err(|_| bad("a number after ID:"))?;
            } else if let Some(print_fmt) = line.strip_prefix("print fmt:") {
                print_fmt.trim().clone_into(&mut format.print_fmt);
            } else if line.starts_with("field:") {
                format
                    .fields
                    .push(Field::parse(line).ok_or_else(|| bad("field:TYPE NAME; offset:N; size:N; signed:N;"))?);
            }
        }
        if format.name.is_empty() {
            return Err(Error::Kernel {
                what: "the tracepoint format",
                at: text.chars().take(80).collect(),
                reason: "a line `name:`",
            });
        }
        Ok(format)
    }

    /// Returns the field with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    fn parse(line: &str) -> Option<Self> {
        let mut declaration = None;
        let (mut offset, mut size, mut signed) = (None, None, false);
        for part in line.split(';') {
            match part.trim().split_once(':') {
                Some(("field", text)) => declaration = Some(text.trim()),
                Some(("offset", number)) => offset = number.parse().ok(),
                Some(("size", number)) => size = number.parse().ok(),
                Some(("signed", number)) => signed = number == "1",
                _ => {}
            }
        }
        // The brackets of an array stand behind the name (`char comm[16]`), those of a dynamic array before it
        // (`__data_loc char[] name`).
        let (c_type, name) = declaration?.rsplit_once([' ', '*'])?;
        let name = name.split('[').next()?;
        Some(Self { name: name.to_owned(), c_type: c_type.trim().to_owned(), offset: offset?, size: size?, signed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: &str = "name: mm_page_free\nID: 655\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:1;\n\tfield:__data_loc char[] name;\toffset:32;\tsize:4;\tsigned:0;\n\tfield:const void * ptr;\toffset:40;\tsize:8;\tsigned:0;\n\nprint fmt: \"page=%p\", x\n";

    #[test]
    fn reads_fields_arrays_and_dynamic_strings() {
        let format = TracepointFormat::parse(FREE).unwrap();
        assert_eq!((format.name.as_str(), format.id, format.fields.len()), ("mm_page_free", 655, 5));
        assert_eq!(
            format.field("pfn").unwrap(),
            &Field { name: "pfn".into(), c_type: "unsigned long".into(), offset: 8, size: 8, signed: false }
        );
        assert_eq!(format.field("comm").unwrap().size, 16);
        assert_eq!(format.field("name").unwrap().offset, 32);
        assert_eq!(format.field("ptr").unwrap().offset, 40);
    }

    #[test]
    fn refuses_what_is_no_format() {
        assert!(TracepointFormat::parse("hello").is_err());
        assert!(
            TracepointFormat::parse(&FREE.replace("offset:8;", "offset:x;")).unwrap_err().to_string().contains("pfn")
        );
    }
}
