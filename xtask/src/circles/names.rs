//! Finding the definition of a name, through imports and re-exports.

use std::collections::BTreeMap;

use super::modules::Module;

/// The item or module that a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A module itself, by index.
    Module(usize),
    /// A name, and the index of the module that defines it.
    Item(usize, String),
}

/// The result of looking up a name in a module.
enum Found {
    Here(Target),
    /// The name is imported from another crate.
    Outside,
    Nowhere,
}

/// The names of a crate.
pub struct Names<'a> {
    modules: &'a [Module],
    /// The modules that define a macro, by the macro's name.
    macros: BTreeMap<&'a str, Vec<usize>>,
}

/// The largest number of imports between a name and its definition, which also ends the search in a circle of imports.
const LONGEST_WAY: u8 = 12;

impl<'a> Names<'a> {
    pub fn new(modules: &'a [Module]) -> Self {
        let mut macros: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, module) in modules.iter().enumerate() {
            module.uses.macros.iter().for_each(|name| macros.entry(name.as_str()).or_default().push(index));
        }
        Self { modules, macros }
    }

    /// Returns what a path in a module stands for, or `None` if it leads out of this crate or is a local name.
    pub fn resolve(&self, module: usize, path: &[String]) -> Option<Target> {
        self.from(module, path, 0)
    }

    /// Returns the macro that an invocation in a module stands for. A macro that is not imported is visible by the
    /// order of the text or through the crate's root (`#[macro_export]`); it is found if no other macro of the crate
    /// has its name.
    pub fn resolve_macro(&self, module: usize, path: &[String]) -> Option<Target> {
        let found = self.resolve(module, path);
        if let Some(Target::Item(definer, name)) = &found
            && self.modules[*definer].uses.defined.contains(name)
        {
            return found;
        }
        match path {
            [name] => self.macros.get(name.as_str()),
            [root, name] if root == "crate" => self.macros.get(name.as_str()),
            _ => return found,
        }
        .and_then(|definers| <[usize; 1]>::try_from(definers.as_slice()).ok())
        .map(|[definer]| Target::Item(definer, path[path.len() - 1].clone()))
    }

    fn from(&self, module: usize, path: &[String], way: u8) -> Option<Target> {
        let keywords = path.iter().take_while(|name| ["crate", "self", "super"].contains(&name.as_str())).count();
        let start = path[..keywords].iter().fold(module, |module, keyword| match keyword.as_str() {
            "crate" => 0,
            "super" => self.modules[module].parent,
            _ => module,
        });
        self.below(start, &path[keywords..], keywords > 0, way)
    }

    /// Follows the rest of a path from a module. With `surely` the path is known to lead into this module, so a name
    /// that is not found there must be one that a macro defines.
    fn below(&self, module: usize, path: &[String], surely: bool, way: u8) -> Option<Target> {
        let Some((name, rest)) = path.split_first() else { return Some(Target::Module(module)) };
        match self.find(module, name, rest.is_empty(), way) {
            Found::Here(Target::Module(child)) => self.below(child, rest, true, way),
            Found::Here(item) => Some(item),
            Found::Outside => None,
            Found::Nowhere => surely.then(|| Target::Item(module, name.clone())),
        }
    }

    /// Finds a name in a module. If a module and a function share the name, the last segment of a path means the
    /// function.
    fn find(&self, module: usize, name: &str, last: bool, way: u8) -> Found {
        let Module { children, uses, .. } = &self.modules[module];
        let child = children.get(name).map(|child| Found::Here(Target::Module(*child)));
        if !last && let Some(child) = child {
            return child;
        }
        if uses.defined.contains(name) {
            return Found::Here(Target::Item(module, name.to_owned()));
        }
        if way == LONGEST_WAY {
            return Found::Nowhere;
        }
        let mut imports = uses.imports.iter().filter(|(import, _)| import == name).peekable();
        let imported = imports.peek().is_some();
        if let Some(target) = imports.find_map(|(_, path)| self.from(module, path, way + 1)) {
            return Found::Here(target);
        }
        if let Some(child) = child {
            return child;
        }
        if imported {
            return Found::Outside;
        }
        let mut outside = false;
        for glob in &uses.globs {
            match self.from(module, glob, way + 1) {
                Some(Target::Module(other)) if other != module => match self.find(other, name, last, way + 1) {
                    Found::Here(target) => return Found::Here(target),
                    Found::Outside => outside = true,
                    Found::Nowhere => {}
                },
                Some(_) => {}
                // The names of another crate are not known, and this name may be one of them.
                None => outside = true,
            }
        }
        if outside { Found::Outside } else { Found::Nowhere }
    }
}
