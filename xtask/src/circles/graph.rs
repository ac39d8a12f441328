//! The uses between the files of a crate, and the circles that they form.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use super::{
    modules::Modules,
    names::{Names, Target},
};

/// The files of a crate and the uses between them.
pub struct Graph<'a> {
    files: &'a [PathBuf],
    /// The names that the first file uses of the second, and `mod …` for a module that it declares.
    uses: BTreeMap<(usize, usize), BTreeSet<String>>,
}

impl<'a> Graph<'a> {
    pub fn new(modules: &'a Modules) -> Self {
        let names = Names::new(modules.modules());
        let mut this = Self { files: modules.files(), uses: BTreeMap::new() };
        for (index, module) in modules.modules().iter().enumerate() {
            for (name, child) in &module.children {
                this.add(module.file, modules.modules()[*child].file, format!("mod {name}"));
            }
            let imports = module.uses.imports.iter().map(|(_, path)| path);
            for path in imports.chain(&module.uses.paths) {
                // A path to a module alone is no use: the names that are used of the module are in other paths.
                if let Some(Target::Item(other, name)) = names.resolve(index, path) {
                    this.add(module.file, modules.modules()[other].file, name);
                }
            }
            for path in &module.uses.invoked {
                if let Some(Target::Item(other, name)) = names.resolve_macro(index, path) {
                    this.add(module.file, modules.modules()[other].file, name);
                }
            }
            for path in &module.uses.globs {
                match names.resolve(index, path) {
                    Some(Target::Module(other)) => {
                        this.add(module.file, modules.modules()[other].file, "*".to_owned());
                    }
                    Some(Target::Item(other, name)) => this.add(module.file, modules.modules()[other].file, name),
                    None => {}
                }
            }
        }
        this
    }

    fn add(&mut self, from: usize, to: usize, name: String) {
        if from != to {
            self.uses.entry((from, to)).or_default().insert(name);
        }
    }

    /// Returns the largest sets of files in which each file uses every other, directly or through files of the set.
    pub fn circles(&self) -> Vec<Circle<'_>> {
        let reached: Vec<BTreeSet<usize>> = (0..self.files.len()).map(|file| self.reached_from(file)).collect();
        let mut in_circle: BTreeSet<usize> = BTreeSet::new();
        let mut circles = Vec::new();
        for (file, others) in reached.iter().enumerate() {
            // A file is reached from itself only through a circle.
            if others.contains(&file) && !in_circle.contains(&file) {
                let files: BTreeSet<usize> =
                    others.iter().copied().filter(|other| reached[*other].contains(&file)).collect();
                in_circle.extend(&files);
                circles.push(Circle { graph: self, files });
            }
        }
        circles
    }

    fn reached_from(&self, file: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![file];
        while let Some(file) = waiting.pop() {
            let next = self.uses.range((file, 0)..(file + 1, 0)).map(|((_, to), _)| *to);
            waiting.extend(next.filter(|to| reached.insert(*to)));
        }
        reached
    }

    /// Returns each pair of folders directly below `src` in which each folder has a file that uses a file of the other.
    pub fn folders_that_use_one_another(&self) -> Vec<Folders<'_>> {
        let mut uses: BTreeMap<(&str, &str), Vec<(usize, usize)>> = BTreeMap::new();
        for &(from, to) in self.uses.keys() {
            if let (Some(one), Some(other)) = (self.folder(from), self.folder(to))
                && one != other
            {
                uses.entry((one, other)).or_default().push((from, to));
            }
        }
        let pairs = uses.iter().filter(|((one, other), _)| one < other);
        let both_ways = pairs.filter_map(|(&(one, other), there)| {
            let back = uses.get(&(other, one))?;
            Some(Folders { graph: self, names: [one, other], uses: there.iter().chain(back).copied().collect() })
        });
        both_ways.collect()
    }

    /// Returns the folder directly below `src` that a file lies in, or `None` if it lies in none.
    fn folder(&self, file: usize) -> Option<&str> {
        let src = self.files[0].parent().unwrap_or(Path::new(""));
        let below = self.files[file].strip_prefix(src).ok()?;
        let folder = below.iter().next().filter(|_| below.iter().count() > 1)?;
        folder.to_str()
    }

    /// Writes one line with the names that one file uses of another.
    fn write_use(&self, f: &mut fmt::Formatter<'_>, from: usize, to: usize) -> fmt::Result {
        const SHOWN: usize = 8;
        let names = &self.uses[&(from, to)];
        let shown: Vec<&str> = names.iter().map(String::as_str).take(SHOWN).collect();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        writeln!(
            f,
            "    {} uses {}{more} of {}",
            self.files[from].display(),
            shown.join(", "),
            self.files[to].display()
        )
    }
}

/// A set of files that use one another in a circle.
pub struct Circle<'a> {
    graph: &'a Graph<'a>,
    files: BTreeSet<usize>,
}

impl Circle<'_> {
    /// Returns the number of files in the circle.
    pub fn files(&self) -> usize {
        self.files.len()
    }
}

impl fmt::Display for Circle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |(from, to): &&(usize, usize)| self.files.contains(from) && self.files.contains(to);
        self.graph.uses.keys().filter(within).try_for_each(|&(from, to)| self.graph.write_use(f, from, to))
    }
}

/// A pair of folders that use one another.
pub struct Folders<'a> {
    graph: &'a Graph<'a>,
    names: [&'a str; 2],
    uses: Vec<(usize, usize)>,
}

impl fmt::Display for Folders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = self.names;
        writeln!(f, "folders {one} and {other} use one another:")?;
        self.uses.iter().try_for_each(|&(from, to)| self.graph.write_use(f, from, to))
    }
}
