//! Reading past a value: the same refusals as for a value that is kept, and hardly any memory.

use super::dialect::Read;
use super::read::Reader;

impl Reader<'_> {
    /// Reads any value and forgets it.
    pub(crate) fn skip(&mut self) -> Read<()> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.nested(|reader| {
                let mut another = !reader.take(b'}');
                while another {
                    reader.name()?;
                    reader.skip()?;
                    another = reader.another(b'}')?;
                }
                Ok(())
            }),
            Some(b'[') => self.nested(|reader| {
                let mut another = !reader.take(b']');
                while another {
                    reader.skip()?;
                    another = reader.another(b']')?;
                }
                Ok(())
            }),
            _ => self.value().map(drop),
        }
    }
}
