#!/usr/bin/env node
// The command of the package. An old Node has to read it too, to be able to say that it is too old: hence this syntax.
'use strict';

var needed = require('../package.json').engines.node;

/** @param {string} text @returns {number} Major and minor version as one number. */
function parse(text) {
  var parts = /(\d+)\.(\d+)/.exec(text);
  return parts === null ? 0 : Number(parts[1]) * 1000 + Number(parts[2]);
}

if (parse(process.versions.node) < parse(needed)) {
  process.stderr.write(
    'outrider needs Node ' +
      needed.replace(/[^\d.]/g, '') +
      ' or newer; ' +
      process.execPath +
      ' is ' +
      process.versions.node +
      '.\n',
  );
  process.exitCode = 1;
} else {
  // The launcher never answers `start` by itself.
  require(process.argv[2] === 'start' ? './cli.js' : './launch.js');
}
