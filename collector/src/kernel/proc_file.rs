//! Files of `/proc` that are read repeatedly.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};

use crate::Error;

/// A file of `/proc` that stays open. The kernel makes the file's text anew on each read from the start. A file that
/// was opened before the privileges were dropped stays readable afterwards.
pub struct ProcFile {
    path: PathBuf,
    file: File,
    text: String,
}

impl ProcFile {
    /// Opens the file.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        match File::open(&path) {
            Ok(file) => Ok(Self { path, file, text: String::new() }),
            Err(error) => Err(Error::Read { path, error }),
        }
    }

    /// Returns the text of the file as the kernel makes it now.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn read(&mut self) -> Result<&str, Error> {
        self.text.clear();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_string(&mut self.text));
        read.map_err(|error| Error::Read { path: self.path.clone(), error })?;
        Ok(&self.text)
    }
}
