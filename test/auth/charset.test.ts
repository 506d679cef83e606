import test from 'ava';
import { fitsCharset } from '../../src/auth/charset.ts';

const SUPERSETS = `us-ascii ANSI_X3.4-1968 ISO646-US iso-8859-1 iso-8859-15 latin1 windows-1252 cp1252 koi8-r macintosh
  ibm850 IBM437 cp437 437 IBM852 csIBM866 IBM00858 ibm-943 x-IBM942 CCSID00858 IBM367 windows-874 ms932 Shift_JIS EUC-JP
  GBK gb18030 Big5 EUC-KR TIS-620 hp-roman8 CESU-8 unicode-1-1-utf-8 x-unicode20utf8 x-user-defined never-heard-of`;

const OTHERS = `utf-7 UTF7 csUTF7 UTF-7-IMAP unicode-1-1-utf-7 UTF-16 utf16 UTF_16 utf-16le csUTF16BE x-UTF-16LE-BOM UTF-32 utf-32be
  UCS-2 ucs-4 csUCS4 ISO-10646-UCS-2 csUnicode unicode unicodeFFFE cp1200 windows-1201 cp65000 cp12000
  IBM037 ibm-37 cp037 Cp037 037 csIBM037 CCSID00037 IBM273 IBM500 cp500 IBM1047 x-IBM1047_S390 IBM01140 ccsid01148 IBM00924
  x-IBM930 IBM-Thai ebcdic-cp-us EBCDIC-INT csEBCDICUS UTF-EBCDIC cp20273
  ISO-2022-JP iso2022jp csISO2022KR ISO-2022-CN-EXT cp50220 HZ-GB-2312 hz ISO646-DE BOCU-1 SCSU`;

for (const charset of SUPERSETS.split(/\s+/)) {
  test(`ASCII is ASCII in ${charset}, and other bytes are not taken`, (t) => {
    t.true(fitsCharset('a=b', charset));
    t.false(fitsCharset('a=\xc3\xa9', charset));
  });
}

for (const charset of OTHERS.split(/\s+/)) {
  test(`ASCII may be something else in ${charset}`, (t) => {
    t.false(fitsCharset('a=b', charset));
    t.false(fitsCharset('', charset));
  });
}

test('UTF-8 is taken where it is named, and where nothing is', (t) => {
  for (const charset of ['utf-8', 'UTF8', undefined]) {
    t.true(fitsCharset('a=\xc3\xa9', charset));
    t.false(fitsCharset('a=\xff', charset));
  }
});
