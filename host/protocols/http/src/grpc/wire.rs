//! Protocol Buffers on the wire: tags, numbers and lengths, read so that every reader reads the same.

use super::message::Ambiguous;

/// How a value is put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A number of a variable length.
    Varint,
    /// Eight bytes.
    Eight,
    /// A length, and so many bytes.
    Length,
    /// Four bytes.
    Four,
}

/// Bytes that are read from their beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// A number. Written longer than it need be it is refused: readers differ in how many bytes they go on for.
    pub(crate) fn varint(&mut self) -> Result<u64, Ambiguous> {
        let mut number = 0_u64;
        for at in 0..10 {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if at == 9 && bits > 1 {
                return Err(Ambiguous::Number);
            }
            number |= bits << (7 * at);
            if byte & 0x80 == 0 {
                return if byte == 0 && at > 0 { Err(Ambiguous::Number) } else { Ok(number) };
            }
        }
        Err(Ambiguous::Number)
    }

    /// A field's number and how its value follows. Groups are of another time, and each reader has its own way with them.
    pub(crate) fn tag(&mut self) -> Result<(u32, Wire), Ambiguous> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Ambiguous::Tag)?;
        if number == 0 || number >= 1 << 29 {
            return Err(Ambiguous::Tag);
        }
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Eight,
            2 => Wire::Length,
            5 => Wire::Four,
            3 | 4 => return Err(Ambiguous::Group),
            _ => return Err(Ambiguous::Tag),
        };
        Ok((number, wire))
    }

    /// A length and the bytes that it counts.
    pub(crate) fn counted(&mut self) -> Result<&'a [u8], Ambiguous> {
        let length = usize::try_from(self.varint()?).map_err(|_| Ambiguous::Cut)?;
        let (counted, rest) = self.0.split_at_checked(length).ok_or(Ambiguous::Cut)?;
        self.0 = rest;
        Ok(counted)
    }

    pub(crate) fn four(&mut self) -> Result<[u8; 4], Ambiguous> {
        let (four, rest) = self.0.split_first_chunk().ok_or(Ambiguous::Cut)?;
        self.0 = rest;
        Ok(*four)
    }

    pub(crate) fn eight(&mut self) -> Result<[u8; 8], Ambiguous> {
        let (eight, rest) = self.0.split_first_chunk().ok_or(Ambiguous::Cut)?;
        self.0 = rest;
        Ok(*eight)
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, wire: Wire) -> Result<(), Ambiguous> {
        match wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Eight => self.eight().map(drop),
            Wire::Length => self.counted().map(drop),
            Wire::Four => self.four().map(drop),
        }
    }

    fn byte(&mut self) -> Result<u8, Ambiguous> {
        let (byte, rest) = self.0.split_first().ok_or(Ambiguous::Cut)?;
        self.0 = rest;
        Ok(*byte)
    }
}

/// Appends a number.
pub(crate) fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a field's number and how its value follows.
pub(crate) fn put_tag(number: u32, wire: Wire, out: &mut Vec<u8>) {
    let wire = match wire {
        Wire::Varint => 0,
        Wire::Eight => 1,
        Wire::Length => 2,
        Wire::Four => 5,
    };
    put_varint(u64::from(number) << 3 | wire, out);
}

/// Appends bytes and before them their length.
pub(crate) fn put_counted(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
