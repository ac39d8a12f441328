//! The names that a module defines and imports, and every path in its code.

use std::collections::BTreeSet;

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::{
    Attribute, ImplItem, Item, ItemUse, LitStr, Macro, Meta, Path, UseTree, Visibility,
    visit::{self, Visit},
};

/// A path as it is written, segment by segment, without generic arguments.
pub type Segments = Vec<String>;

/// The names that one module defines, imports and refers to.
#[derive(Default)]
pub struct Uses {
    /// The names of the module's items.
    pub defined: BTreeSet<String>,
    /// The names of the module's macros (`macro_rules!`) alone, which other modules can also reach without a path.
    pub macros: BTreeSet<String>,
    /// The names that `use` brings in, with the path that each stands for.
    pub imports: Vec<(String, Segments)>,
    /// The paths of which all names are imported (`use …::*`).
    pub globs: Vec<Segments>,
    /// The paths in the module's code, including those of a single segment.
    pub paths: BTreeSet<Segments>,
    /// The paths of the macros that the module invokes.
    pub invoked: BTreeSet<Segments>,
}

/// Adds the names that an item defines and uses, unless the item exists for tests only.
pub fn collect(item: &Item, uses: &mut Uses) {
    if is_test(attributes(item)) {
        return;
    }
    if let Item::Macro(macro_rules) = item {
        uses.macros.extend(macro_rules.ident.as_ref().map(ToString::to_string));
    }
    uses.defined.extend(name(item));
    Collector(uses).visit_item(item);
}

/// Returns whether an item exists for tests only: `#[cfg(test)]`.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

struct Collector<'a>(&'a mut Uses);

impl<'ast> Visit<'ast> for Collector<'_> {
    // This is called for the items within functions too.
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !matches!(item, ImplItem::Fn(function) if is_test(&function.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.import(&item.tree, &mut Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.0.paths.extend(segments(path));
        visit::visit_path(self, path);
    }

    // The expansion of a macro is not known, but the paths in its arguments are.
    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.0.invoked.extend(segments(&invocation.path));
        self.scan(&invocation.tokens);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.scan(&list.tokens);
        }
    }

    // `pub(in path)` names the module that may use the item, which is no use of that module.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// Returns the segments of a path, or `None` if the path begins with `::` and so leads into another crate.
fn segments(path: &Path) -> Option<Segments> {
    let of_this_crate = path.leading_colon.is_none();
    of_this_crate.then(|| path.segments.iter().map(|segment| segment.ident.to_string()).collect())
}

impl Collector<'_> {
    fn import(&mut self, tree: &UseTree, before: &mut Segments) {
        let with = |name: &str| {
            // `use path::{self}` imports the path itself.
            let last = (name != "self" || before.is_empty()).then(|| name.to_owned());
            before.iter().cloned().chain(last).collect::<Segments>()
        };
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
            UseTree::Name(name) => {
                let path = with(&name.ident.to_string());
                self.0.imports.extend(path.last().cloned().map(|name| (name, path)));
            }
            UseTree::Rename(rename) => {
                self.0.imports.push((rename.rename.to_string(), with(&rename.ident.to_string())));
            }
            UseTree::Glob(_) => self.0.globs.push(before.clone()),
        }
    }

    /// Adds the paths in the arguments of a macro or an attribute: names joined by `::`, and strings that hold a path,
    /// as in serde's attributes.
    fn scan(&mut self, tokens: &TokenStream) {
        let mut path = Segments::new();
        // The punctuation since the last name.
        let mut between = String::new();
        for token in tokens.clone() {
            match token {
                // `name!` is an invocation, but `name != value` is not.
                TokenTree::Punct(punct) if punct.as_char() == '!' && punct.spacing() == Spacing::Alone => {
                    if between.is_empty() && !path.is_empty() {
                        self.0.invoked.insert(std::mem::take(&mut path));
                    }
                    self.flush(&mut path);
                    between.clear();
                }
                TokenTree::Punct(punct) => between.push(punct.as_char()),
                TokenTree::Ident(ident) => {
                    if between != "::" || path.is_empty() {
                        self.flush(&mut path);
                    }
                    let name = ident.to_string();
                    // Fields and methods belong to a value, `$name` to the caller of a macro, and `::name` to another
                    // crate.
                    let of_something = between == "." || between.ends_with("::") && path.is_empty();
                    let of_the_caller = between.ends_with('$') && name != "crate";
                    if !of_something && !of_the_caller {
                        path.push(name);
                    }
                    between.clear();
                }
                TokenTree::Group(group) => {
                    self.flush(&mut path);
                    between.clear();
                    self.scan(&group.stream());
                }
                TokenTree::Literal(literal) => {
                    self.flush(&mut path);
                    between.clear();
                    let text = syn::parse_str::<LitStr>(&literal.to_string());
                    if let Some(path) = text.ok().and_then(|text| text.parse::<Path>().ok())
                        && path.segments.len() > 1
                    {
                        self.visit_path(&path);
                    }
                }
            }
        }
        self.flush(&mut path);
    }

    fn flush(&mut self, path: &mut Segments) {
        if !path.is_empty() {
            self.0.paths.insert(std::mem::take(path));
        }
    }
}
