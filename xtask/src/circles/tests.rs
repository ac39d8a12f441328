//! Tests of each rule, on crates that exist only in the tests.

use std::{collections::BTreeMap, path::Path};

use super::{graph::Graph, modules::Modules};

/// Returns the circles and the folders of a crate with these files, as they are printed, without the indentation.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources: BTreeMap<_, _> = files.iter().map(|(path, text)| (Path::new("src").join(path), *text)).collect();
    let read = |path: &Path| sources.get(path).map(|text| (*text).to_owned());
    let modules = Modules::read(Path::new("src/lib.rs"), read).unwrap();
    let graph = Graph::new(&modules);
    let circles = graph.circles().into_iter().map(|circle| circle.to_string());
    let folders = graph.folders_that_use_one_another().into_iter().map(|pair| pair.to_string());
    let lines = |text: String| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    circles.chain(folders).flat_map(lines).collect()
}

#[test]
fn two_files_that_import_from_each_other_are_a_circle() {
    let files = [
        ("lib.rs", "mod zone; mod page; mod list;"),
        ("zone.rs", "use crate::page::Page; use crate::list::List; pub struct Zone(Page, List);"),
        ("page.rs", "use super::zone::{Zone, self}; pub struct Page(Box<Zone>);"),
        ("list.rs", "pub struct List;"),
    ];
    let expected = ["src/zone.rs uses Page of src/page.rs", "src/page.rs uses Zone of src/zone.rs"];
    assert_eq!(found(&files), expected);
}

#[test]
fn a_circle_may_go_through_others_and_paths_count_like_imports() {
    let files = [
        ("lib.rs", "mod one; mod two; mod three;"),
        ("one.rs", "pub fn one() { crate::two::two::<u8>() }"),
        ("two.rs", "use crate::three; pub fn two<T>() -> three::Three { three::Three }"),
        (
            "three.rs",
            "pub struct Three; impl Three { fn one(&self) { assert!(self.is(), \"{}\", super::one::one()) } }",
        ),
    ];
    let expected = [
        "src/one.rs uses two of src/two.rs",
        "src/two.rs uses Three of src/three.rs",
        "src/three.rs uses one of src/one.rs",
    ];
    assert_eq!(found(&files), expected);
}

#[test]
fn a_re_export_is_a_use_of_the_file_that_defines_the_name() {
    let files = [
        ("lib.rs", "mod zone; pub use zone::{Zone, Mark}; mod show;"),
        ("zone/mod.rs", "mod marks; mod state; pub use marks::Mark; pub use self::state::State as Zone;"),
        ("zone/marks.rs", "pub struct Mark;"),
        ("zone/state.rs", "use super::Mark; use crate::zone; pub struct State(Mark, zone::Mark);"),
        ("show.rs", "use crate::{Mark, Zone};"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_re_export_of_another_crate_is_no_use_of_the_file() {
    let files =
        [("lib.rs", "pub use anyhow::Result; mod zone;"), ("zone.rs", "pub fn zone() -> crate::Result<()> { Ok(()) }")];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn re_exports_of_another_crate_may_come_with_all_names_of_a_module() {
    let files = [
        ("lib.rs", "mod std_only { pub use gfp::Gfp; pub use arrow::*; } pub use std_only::*; mod zone;"),
        ("zone.rs", "pub struct Zone(crate::Gfp, crate::Array);"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_module_may_lie_where_an_attribute_says() {
    let files = [
        ("lib.rs", "mod record;"),
        ("record/mod.rs", "mod sink; #[path = \"../shared/recipe.rs\"] mod recipe;"),
        ("record/sink.rs", "pub struct Sink(super::recipe::Recipe);"),
        ("record/../shared/recipe.rs", "use super::sink::Sink; mod step; pub struct Recipe(Sink);"),
        ("record/../shared/step.rs", ""),
    ];
    let expected = [
        "src/record/sink.rs uses Recipe of src/record/../shared/recipe.rs",
        "src/record/../shared/recipe.rs uses Sink of src/record/sink.rs",
    ];
    assert_eq!(found(&files), expected);
}

#[test]
fn a_child_that_uses_what_its_own_mod_rs_defines_is_a_circle() {
    let files = [
        ("lib.rs", "mod zone;"),
        ("zone/mod.rs", "//! Zones.\nmod marks;\npub const HIGH: u64 = 1;"),
        ("zone/marks.rs", "pub fn high() -> u64 { super::HIGH }"),
    ];
    let expected =
        ["src/zone/mod.rs uses mod marks of src/zone/marks.rs", "src/zone/marks.rs uses HIGH of src/zone/mod.rs"];
    assert_eq!(found(&files), expected);
    // Names that no child uses may be defined there.
    let unused = [files[0], files[1], ("zone/marks.rs", "pub fn high() -> u64 { 1 }")];
    assert_eq!(found(&unused), [""; 0]);
}

#[test]
fn all_names_of_the_own_mod_rs_are_what_it_defines_too() {
    let files = [("lib.rs", "mod zone;"), ("zone.rs", "use super::*;")];
    assert_eq!(found(&files), ["src/lib.rs uses mod zone of src/zone.rs", "src/zone.rs uses * of src/lib.rs"]);
}

#[test]
fn names_that_come_with_all_others_are_found_where_they_are_defined() {
    let files = [
        ("lib.rs", "mod gfp; mod zone; mod prelude;"),
        ("prelude.rs", "pub use crate::gfp::Gfp; pub use crate::zone::*;"),
        ("gfp.rs", "use crate::prelude::*; pub struct Gfp; fn of(zone: &Zone) {}"),
        ("zone.rs", "pub struct Zone;"),
    ];
    let expected = ["src/gfp.rs uses * of src/prelude.rs", "src/prelude.rs uses Gfp of src/gfp.rs"];
    assert_eq!(found(&files), expected);
    let back = [files[0], files[1], files[2], ("zone.rs", "pub struct Zone(crate::gfp::Gfp);")];
    assert!(found(&back).contains(&"src/gfp.rs uses Zone of src/zone.rs".to_owned()));
}

#[test]
fn tests_are_left_out() {
    let files = [
        ("lib.rs", "mod zone; #[cfg(test)] mod tests; pub struct Machine(zone::Zone);"),
        (
            "zone.rs",
            "pub struct Zone; #[cfg(test)] use crate::Machine; #[cfg(test)] fn one() -> crate::Machine {} \
             impl Zone { #[cfg(test)] fn machine() -> crate::Machine {} } \
             #[cfg(test)] mod tests { use crate::Machine; mod deeper; }",
        ),
        ("tests.rs", "use super::*;"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn modules_within_a_file_are_part_of_it() {
    let files = [
        ("lib.rs", "mod zone; mod page { mod flags; pub mod inner { use crate::zone::Zone; pub struct Page(Zone); } }"),
        ("page/flags.rs", "pub struct Flags;"),
        ("zone.rs", "use crate::page::inner; pub struct Zone(inner::Page);"),
    ];
    let expected = ["src/lib.rs uses Zone, mod zone of src/zone.rs", "src/zone.rs uses Page of src/lib.rs"];
    assert_eq!(found(&files), expected);
}

#[test]
fn macros_are_found_without_a_path() {
    let files = [
        ("lib.rs", "#[macro_use] mod table; mod rows;"),
        ("table.rs", "macro_rules! table { ($name:ident) => { $crate::rows::check(stringify!($name)) } }"),
        ("rows.rs", "table!(page); pub fn check(_: &str) {}"),
    ];
    let expected = ["src/table.rs uses check of src/rows.rs", "src/rows.rs uses table of src/table.rs"];
    assert_eq!(found(&files), expected);
}

#[test]
fn a_macro_is_the_files_own_before_it_is_another_files() {
    let files = [
        ("lib.rs", "mod keys; mod rows;"),
        ("keys.rs", "use crate::rows::Row; macro_rules! keys { () => {} } keys!(); pub struct Key(Row);"),
        ("rows.rs", "macro_rules! keys { () => {} } keys!(); pub struct Row;"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn macros_are_found_within_the_arguments_of_others_and_variables_are_none() {
    let files = [
        ("lib.rs", "mod table; mod rows; mod names;"),
        ("table.rs", "macro_rules! table { () => { 1 } } pub(crate) use table; pub fn new() { crate::rows::new() }"),
        ("rows.rs", "pub fn new() { assert_eq!(crate::table!(), 1) }"),
        ("names.rs", "pub fn new(table: u8) { assert!(table != 2); table }"),
    ];
    let expected = ["src/table.rs uses new of src/rows.rs", "src/rows.rs uses table of src/table.rs"];
    assert_eq!(found(&files), expected);
    let variable = [files[0], files[1], ("rows.rs", "pub fn new(table: u8) { assert!(table != 2); table }"), files[3]];
    assert_eq!(found(&variable), [""; 0]);
    let imported = [files[0], files[1], ("rows.rs", "use crate::table::table; pub fn new() { table!() }"), files[3]];
    assert_eq!(found(&imported), expected);
}

#[test]
fn what_a_macro_defines_belongs_to_the_file_that_calls_it() {
    let files = [
        ("lib.rs", "mod keys; mod rows;"),
        ("keys.rs", "bitflags::bitflags! { pub struct Keys: u8 {} } use crate::rows::Row;"),
        ("rows.rs", "use crate::keys::Keys; pub struct Row(Keys);"),
    ];
    assert_eq!(found(&files), ["src/keys.rs uses Row of src/rows.rs", "src/rows.rs uses Keys of src/keys.rs"]);
}

#[test]
fn attributes_name_what_they_use() {
    let files = [
        ("lib.rs", "mod row; mod text;"),
        ("row.rs", "pub struct Row { #[serde(with = \"crate::text::hex\", default)] pfn: u64 }"),
        ("text.rs", "/// See `crate::row::Row`.\npub fn hex() { let _ = \"crate::row::Row\"; } use crate::row::Row;"),
    ];
    assert_eq!(found(&files), ["src/row.rs uses hex of src/text.rs", "src/text.rs uses Row of src/row.rs"]);
    let documented = [files[0], files[1], ("text.rs", "/// See [`crate::row::Row`].\npub(in crate::row) fn hex() {}")];
    assert_eq!(found(&documented), [""; 0]);
}

#[test]
fn names_of_fields_methods_and_other_crates_are_not_those_of_this_crate() {
    let files = [
        ("lib.rs", "mod zone; mod page; pub use zone::*;"),
        ("zone.rs", "use super::page::Page; pub fn order() {} pub struct Zone(Page);"),
        (
            "page.rs",
            "pub struct Page; fn f() { assert!(page.order() == ::zone::order(), x.zone); vec![std::order::Zone] }",
        ),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_module_and_a_function_may_share_a_name() {
    let files = [
        ("lib.rs", "mod record; pub use record::record; mod run;"),
        ("record.rs", "pub fn record() { super::run::run() } pub mod sink {}"),
        ("run.rs", "pub fn run() { crate::record() }"),
    ];
    assert_eq!(found(&files), ["src/record.rs uses run of src/run.rs", "src/run.rs uses record of src/record.rs"]);
}

#[test]
fn two_folders_that_use_one_another_are_named_though_no_file_is_in_a_circle() {
    let files = [
        ("lib.rs", "mod read; mod report; mod error;"),
        ("read/mod.rs", "mod rows; mod units; pub use units::Unit;"),
        ("read/rows.rs", "use crate::{error::Error, report::Table}; pub struct Rows(Table, Error);"),
        ("read/units.rs", "pub struct Unit;"),
        ("report/mod.rs", "mod table; pub use table::Table;"),
        ("report/table.rs", "use crate::read::Unit; pub struct Table(Unit);"),
        ("error.rs", "use crate::read::Unit; pub struct Error(Unit);"),
    ];
    let expected = [
        "folders read and report use one another:",
        "src/read/rows.rs uses Table of src/report/table.rs",
        "src/report/table.rs uses Unit of src/read/units.rs",
    ];
    assert_eq!(found(&files), expected);
}

#[test]
fn a_module_without_a_file_is_an_error() {
    let read = |path: &Path| (path == Path::new("src/lib.rs")).then(|| "mod zone;".to_owned());
    let error = Modules::read(Path::new("src/lib.rs"), read).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "module `zone` is not in src/zone.rs nor in src/zone/mod.rs");
}
