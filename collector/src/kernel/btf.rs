//! The kernel's type information, `/sys/kernel/btf/vmlinux`, which holds the byte offsets of the members of structures.
//!
//! <https://docs.kernel.org/bpf/btf.html> describes the layout of the file: a header, then the types one after the
//! other, then the strings.

use std::{fs, path::Path};

use crate::Error;

/// The kernel's type information, as the bytes of the file.
pub struct Btf(Vec<u8>);

/// `BTF_KIND_STRUCT` of include/uapi/linux/btf.h.
const STRUCT: u32 = 4;

impl Btf {
    /// Reads the type information of the running kernel.
    ///
    /// # Errors
    /// [`Error::Read`] if the file cannot be read, as on a kernel that was built without `CONFIG_DEBUG_INFO_BTF`.
    pub fn read() -> Result<Self, Error> {
        let path = Path::new("/sys/kernel/btf/vmlinux");
        fs::read(path).map(Self).map_err(|error| Error::Read { path: path.to_owned(), error })
    }

    /// Returns the byte offsets of members of a structure, or `None` if the structure or one of the members is missing,
    /// or if the data is not BTF.
    pub fn offsets<const N: usize>(&self, structure: &str, members: [&str; N]) -> Option<[u32; N]> {
        const MAGIC: u32 = 0xeb9f;
        let word = |at: usize| Some(u32::from_ne_bytes(self.0.get(at..at + 4)?.try_into().ok()?));
        let header = word(4)? as usize;
        let (types, end) = (header + word(8)? as usize, header + (word(8)? + word(12)?) as usize);
        let strings = header + word(16)? as usize;
        let name = |offset: u32| self.0.get(strings + offset as usize..)?.split(|byte| *byte == 0).next();
        (word(0)? & 0xffff == MAGIC).then_some(())?;

        let mut at = types;
        while at < end {
            let (type_name, info) = (word(at)?, word(at + 4)?);
            let (kind, count) = (info >> 24 & 0x1f, info as usize & 0xffff);
            at += 12;
            if kind == STRUCT && name(type_name)? == structure.as_bytes() {
                // With the kind flag, the upper byte of a member's offset holds the size of a bit field.
                let mask = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
                let bits = |wanted: &str| {
                    let member = (0..count).map(|member| at + 12 * member);
                    let found =
                        member.into_iter().find(|member| word(*member).and_then(name) == Some(wanted.as_bytes()))?;
                    Some(word(found + 8)? & mask)
                };
                let mut offsets = [0; N];
                for (offset, member) in offsets.iter_mut().zip(members) {
                    *offset = bits(member)? / 8;
                }
                return Some(offsets);
            }
            at += match kind {
                // INT, VAR, DECL_TAG
                1 | 14 | 17 => 4,
                // ARRAY
                3 => 12,
                // STRUCT, UNION, DATASEC, ENUM64
                STRUCT | 5 | 15 | 19 => 12 * count,
                // ENUM, FUNC_PROTO
                6 | 13 => 8 * count,
                // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
                2 | 7..=12 | 16 | 18 => 0,
                _ => return None,
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the type information of two types: an int, and `struct kmem_cache { int size; int object_size; }`, whose
    /// second member is encoded as a bit field.
    fn sample() -> Btf {
        let strings = b"\0int\0kmem_cache\0size\0object_size\0";
        let types: Vec<u32> =
            [&[1, 1 << 24, 4, 32][..], &[5, 1 << 31 | 4 << 24 | 2, 64, 16, 1, 32, 21, 1, 8 << 24 | 0xc0][..]].concat();
        let mut bytes: Vec<u8> =
            [0x0001_eb9f, 24, 0, types.len() as u32 * 4, types.len() as u32 * 4, strings.len() as u32]
                .map(u32::to_ne_bytes)
                .concat();
        bytes.extend(types.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.extend(strings);
        Btf(bytes)
    }

    #[test]
    fn finds_members() {
        assert_eq!(sample().offsets("kmem_cache", ["object_size", "size"]), Some([24, 4]));
    }

    #[test]
    fn what_is_missing_or_torn_is_none() {
        assert_eq!(sample().offsets("kmem_cache", ["name"]), None);
        assert_eq!(sample().offsets("page", ["flags"]), None);
        let whole = sample().0;
        for len in 0..whole.len() {
            let _no_panic = Btf(whole[..len].to_vec()).offsets("kmem_cache", ["object_size"]);
        }
    }
}
