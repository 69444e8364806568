/**
 * What the published packages, and the models and pictures of this repository, hold of others. A file that is no code and stands in
 * no entry fails `pnpm notice --check`, so that nothing is shipped without its licence.
 *
 * texts: licences whose text must come along (notice.mjs finds them). drawnWith: the sides of the reader's material (recipes/reader/src/split.ts).
 */
export const contents = [
  {
    package: 'packages/tensor',
    files: ['build/tfjs-backend-wasm-simd.wasm', 'build/tfjs-backend-wasm-simd-shared.wasm'],
    what:
      "TensorFlow.js's WebAssembly backend (npm @tensorflow/tfjs-backend-wasm), unchanged. Copyright Google LLC. Apache-2.0. " +
      "It holds XNNPACK (BSD-3-Clause) and Emscripten's run time (MIT, copyright the Emscripten authors).",
    texts: ['Apache-2.0', 'XNNPACK'],
  },
  {
    package: 'packages/tensor',
    files: ['build/kernels.wasm', 'build/kernels-shared.wasm', 'build/kernels-relaxed.wasm', 'build/kernels-relaxed-shared.wasm'],
    what:
      "casa-js's own kernels (src/ops), compiled by AssemblyScript, whose library they hold parts of. Copyright the AssemblyScript " +
      'authors. Apache-2.0.',
    texts: ['Apache-2.0'],
  },
  {
    package: 'apps/cli',
    files: ['model/model.safetensors', 'model/tokenizer.json'],
    what: 'The model casa-reader: weights and tokenizer trained by this project, from nothing, on pictures and texts made of the material below.',
    drawnWith: ['train'],
    texts: ['WordNet'],
  },
  {
    package: 'apps/cli',
    files: ['samples/emoji.png', 'samples/first.png', 'samples/second.png', 'samples/sign.png'],
    what: 'Pictures drawn by this project with the held-out material below.',
    drawnWith: ['heldOut'],
    texts: ['WordNet'],
  },
  {
    package: 'packages/verify',
    files: ['goldens/*.safetensors'],
    what: 'Random weights and what PyTorch and transformers compute from them, made by the scripts of docs/goldens. Nothing of others.',
  },
  {
    files: ['recipes/live/model/model.safetensors', 'recipes/live/model/tokenizer.json'],
    what:
      'The model casa-live: trained by this project, starting from casa-reader, on scenes made of the same material without OpenMoji ' +
      '(which casa-reader has seen), and of three styles of emoji more: Fluent Emoji (Microsoft Corporation, MIT, ' +
      'https://github.com/microsoft/fluentui-emoji), FxEmojis (Mozilla, Apache-2.0, https://github.com/mozilla/fxemoji) and Streamline Emojis ' +
      '(Streamline, CC-BY-4.0, https://github.com/webalys-hq/streamline-vectors).',
    drawnWith: ['train'],
  },
  {
    files: ['recipes/live/samples/live.mp4', 'recipes/reader/samples/*.png'],
    what: 'A clip and pictures drawn by this project with the held-out material below.',
    drawnWith: ['heldOut'],
  },
]

/** Fonts whose package has no line about the copyright: from the font's own name table. */
export const fontNotices = {
  'fauna-one': 'Copyright (c) 2013, Eduardo Tunni (http://www.tipo.net.ar)',
  chewy: 'Copyright (c) 2010 by Font Diner, Inc DBA Sideshow',
  'roboto-slab': 'Copyright 2018 The Roboto Slab Project Authors (https://github.com/googlefonts/robotoslab)',
  schoolbell: 'Copyright (c) 2010 by Font Diner, Inc',
  'special-elite': 'Copyright (c) 2010 by Brian J. Bonislawsky DBA Astigmatic (AOETI)',
  'fredoka-one': 'Copyright (c) 2011 Milena B Brandao (milenabbrandao@gmail.com)',
}

/** Builds of native packages, one for each platform: which of them are installed depends on the machine, so they are named here. */
export const platformBuilds = [
  { match: /^@img\/sharp-libvips-/, name: '@img/sharp-libvips-* (prebuilt libvips)', license: 'LGPL-3.0-or-later' },
  {
    match: /^@img\/sharp-(?!libvips)/,
    name: '@img/sharp-* (on Windows and in wasm with libvips, LGPL-3.0-or-later)',
    license: 'Apache-2.0',
  },
  { match: /^@napi-rs\/canvas-/, name: '@napi-rs/canvas-* (holds Skia, BSD-3-Clause)', license: 'MIT' },
  {
    match: /^@napi-rs\/webcodecs-/,
    name: '@napi-rs/webcodecs-* (holds FFmpeg and x264: the binary as a whole is GPL-2.0-or-later)',
    license: 'MIT',
  },
  { match: /^@koromix\/koffi-/, name: '@koromix/koffi-*', license: 'MIT' },
  { match: /^@esbuild\//, name: '@esbuild/*', license: 'MIT' },
]
