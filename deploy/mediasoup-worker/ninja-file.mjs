import { relative } from 'node:path';

/**
 * @typedef {object} NinjaInput
 * @property {string} compiler command of the C++ compiler
 * @property {string[]} compileFlags
 * @property {string[]} linkFlags
 * @property {string[]} sources absolute paths
 * @property {string} sourceRoot folder that all sources are in
 * @property {string} binary name of the executable
 */

/**
 * Text of a ninja file that compiles each source and links them into one executable.
 *
 * @param {NinjaInput} input
 */
export function ninjaFile({ compiler, compileFlags, linkFlags, sources, sourceRoot, binary }) {
  const objects = sources.map((source) => ({
    source,
    object: `obj/${relative(sourceRoot, source)}.o`,
  }));

  return [
    'rule compile',
    `  command = ${compiler} ${compileFlags.map(quote).join(' ')} -c $in -o $out`,
    '  description = compile $in',
    'rule link',
    `  command = ${compiler} @$out.rsp -o $out ${linkFlags.map(quote).join(' ')}`,
    '  rspfile = $out.rsp',
    '  rspfile_content = $in',
    '  description = link $out',
    ...objects.map(({ source, object }) => `build ${escape(object)}: compile ${escape(source)}`),
    `build ${escape(binary)}: link ${objects.map(({ object }) => escape(object)).join(' ')}`,
    `default ${escape(binary)}`,
    '',
  ].join('\n');
}

/** A path as ninja reads it in a build line. */
function escape(path) {
  return path.replace(/[$ :]/g, '$$$&');
}

/** A word as ninja and then the shell read it in a command. */
function quote(word) {
  const forShell = /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

  return forShell.replaceAll('$', '$$$$');
}
