import { type ByteString, isAscii, toUnicode } from '../core/byte-string.ts';

/** Whether this name of a charset means UTF-8. */
export const isUtf8Name = (charset: string): boolean => /^utf-?8$/i.test(charset);

/**
 * Whether the bytes mean the same in `charset` as in UTF-8. That holds for ASCII in any charset that contains ASCII, and for
 * valid UTF-8 if `charset` is UTF-8 or undefined (none was named).
 */
export function fitsCharset(text: ByteString, charset: string | undefined): boolean {
  if (charset !== undefined && !holdsAscii(charset)) return false;
  if (isAscii(text)) return true;
  return (charset === undefined || isUtf8Name(charset)) && toUnicode(text) !== undefined;
}

/** Charsets in which an ASCII byte can mean another character. Matches a name reduced to its letters and digits. */
const OTHERS =
  /utf(?:7|16|32)|ebcdic|^(?:ucs|unicode(?!(?:11|20)utf8$)|iso10646|iso2022|iso646(?!us|irv1991)|hz|bocu|scsu|ibmthai)/;

/**
 * Code pages in which an ASCII byte can mean another character: UTF-16, UTF-32, UTF-7, ISO 2022, HZ, and EBCDIC (by IBM's
 * numbers and by those of Windows).
 */
const CODE_PAGES: ReadonlySet<string> = new Set(
  `
  1200 1201 12000 12001 65000 50220 50221 50222 50225 50227 50229 52936
  37 38 256 273 274 275 277 278 280 281 282 284 285 286 290 293 297 298 300 410 420 421 423 424 425 500 803 833
  834 835 836 837 838 839 870 871 875 880 905 918 924 930 931 933 935 937 939 1025 1026 1027 1028 1030 1031 1032
  1047 1069 1070 1079 1081 1097 1112 1113 1122 1123 1130 1132 1137 1140 1141 1142 1143 1144 1145 1146 1147 1148
  1149 1153 1154 1155 1156 1157 1158 1159 1160 1164 1165 1166 1278 1279 1364 1371 1377 1388 1390 1399 4899 4971
  5026 5035 5123 8482 9030 9067 12708 12712 16684 16804 28709
  20273 20277 20278 20280 20284 20285 20290 20297 20420 20423 20424 20833 20838 20871 20880 20905 20924 21025
  21027
  `
    .trim()
    .split(/\s+/),
);

/** Whether ASCII bytes stand for ASCII in a charset. An unknown charset is assumed to contain ASCII. */
function holdsAscii(charset: string): boolean {
  const name = charset
    .toLowerCase()
    .replace(/^x-/, '')
    .replace(/^cs(?=[a-z])/, '');
  const [, number] = /^(?:ibm|cp|ccsid|ms|win|windows)?[-_ ]?0*(\d+)/.exec(name) ?? [];
  if (number !== undefined && CODE_PAGES.has(number)) return false;
  return !OTHERS.test(name.replaceAll(/[^a-z0-9]/g, ''));
}
