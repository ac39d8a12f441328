//! The modules of a crate, found from its root file as the compiler finds them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, MetaNameValue};

use super::paths::{self, Uses, is_test};

/// All modules of a crate except its tests. The first module is the crate's root.
pub struct Modules {
    files: Vec<PathBuf>,
    modules: Vec<Module>,
}

/// A module that has a file of its own, or one that is written within its parent.
#[derive(Default)]
pub struct Module {
    /// The index of the module's file.
    pub file: usize,
    /// The index of the module around this one. For the root it is that of the root.
    pub parent: usize,
    /// The indices of the modules within this one, by name.
    pub children: BTreeMap<String, usize>,
    /// The names that the module defines, imports and refers to.
    pub uses: Uses,
}

/// A function that returns a file's text, or `None` if there is no such file.
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Modules {
    /// Reads a crate from its root file. Errors if a module has no file, or a file is not Rust.
    pub fn read(root: &Path, read: impl Fn(&Path) -> Option<String>) -> anyhow::Result<Self> {
        let mut this = Self { files: Vec::new(), modules: vec![Module::default()] };
        let text = read(root).with_context(|| format!("{} cannot be read", root.display()))?;
        let folder = root.parent().context("a root file lies in a folder")?;
        this.read_file(0, root, &text, folder, &read)?;
        Ok(this)
    }

    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// Reads a module from its file. The files of the module's children lie in `folder`.
    fn read_file(
        &mut self,
        module: usize,
        path: &Path,
        text: &str,
        folder: &Path,
        read: Read<'_>,
    ) -> anyhow::Result<()> {
        let parsed = syn::parse_file(text).with_context(|| format!("{} is not Rust", path.display()))?;
        self.modules[module].file = self.files.len();
        self.files.push(path.to_owned());
        self.read_items(module, &parsed.items, folder, read)
    }

    fn read_items(&mut self, module: usize, items: &[Item], folder: &Path, read: Read<'_>) -> anyhow::Result<()> {
        for item in items {
            match item {
                Item::Mod(child) if is_test(&child.attrs) => {}
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let index = self.modules.len();
                    self.modules.push(Module { file: self.modules[module].file, parent: module, ..Module::default() });
                    self.modules[module].children.insert(name.clone(), index);
                    let below = folder.join(&name);
                    if let Some((_, items)) = &child.content {
                        self.read_items(index, items, &below, read)?;
                    } else {
                        let here = self.files[self.modules[module].file].parent().unwrap_or(Path::new(""));
                        let (candidates, children) = match path_attribute(&child.attrs) {
                            // The files of the module's children lie beside its file, as those of a mod.rs do.
                            Some(path) => {
                                let path = here.join(path);
                                let children = path.parent().unwrap_or(here).to_owned();
                                (vec![path], children)
                            }
                            None => (vec![folder.join(format!("{name}.rs")), below.join("mod.rs")], below),
                        };
                        let (path, text) =
                            candidates.iter().find_map(|path| Some((path, read(path)?))).ok_or_else(|| {
                                let names: Vec<_> = candidates.iter().map(|path| path.display().to_string()).collect();
                                anyhow!("module `{name}` is not in {}", names.join(" nor in "))
                            })?;
                        self.read_file(index, path, &text, &children, read)?;
                    }
                }
                item => paths::collect(item, &mut self.modules[module].uses),
            }
        }
        Ok(())
    }
}

/// Returns the file that `#[path = "…"]` names, relative to the folder of the file with the attribute.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(MetaNameValue { path, value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }), .. })
            if path.is_ident("path") =>
        {
            Some(text.value())
        }
        _ => None,
    })
}
