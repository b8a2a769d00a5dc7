/**
 * The blocks of the pages that no test executes as they stand, and why. Everything else in a language that can be executed is
 * (test/docs/pages.test.ts): a new block either runs or is entered here.
 */
export interface NotRun {
  page: string
  /** how its code begins */
  begins: string
  because: string
}

export const notRun: NotRun[] = [
  {
    page: 'README.md',
    begins: 'npm install libtorch-node',
    because: 'npm run test:package runs both lines, with the tarball, in an empty folder',
  },
  {
    page: 'README.md',
    begins: 'npm start',
    because: 'the set-up and the whole suite, of which this test is a part; CI runs them',
  },
  {
    page: 'docs/checkpoints.md',
    begins: "import * as torch from 'libtorch-node'\n\nconst model = torch.toModule(",
    because: 'its file comes from Python; test/whole-model does the same with files that Python writes',
  },
  {
    page: 'docs/cli.md',
    begins: '$ npx libtorch-node inspect',
    because: 'test/cli/change.test.ts makes the file, and compares every line',
  },
  {
    page: 'docs/cli.md',
    begins: '$ npx libtorch-node diff',
    because: 'test/cli/change.test.ts makes the files, and compares every line',
  },
  {
    page: 'docs/libtorch.md',
    begins: 'node scripts/build-native.mjs',
    because: 'builds the addons four times, which takes the better part of an hour; the set-up runs the first line',
  },
  {
    page: 'docs/libtorch.md',
    begins: 'cmake -G Ninja',
    because: 'builds the addon from nothing, into the folder that the tests use',
  },
  {
    page: 'docs/vision.md',
    begins: 'const model = await models.fromPretrained(',
    because: 'downloads; test/hub.test.ts does the same from a server of its own',
  },
  {
    page: 'docs/vision.md',
    begins: "const model = await torch.hub.load('pytorch/vision'",
    because: 'downloads; test/hub-load.test.ts does the same from a server of its own',
  },
  {
    page: 'docs/cli.md',
    begins: '$ npx libtorch-node verify',
    because: 'its folder is the end of a training run; test/cli/verify.test.ts makes one, and checks the lines',
  },
  {
    page: 'docs/data.md',
    begins: '// squares.ts',
    because: 'the first of two files; the tests of workers in test/data have such data sets',
  },
  {
    page: 'docs/data.md',
    begins: '// train.ts',
    because: 'the second of two files; the tests of workers in test/data have such loops',
  },
  {
    page: 'docs/data.md',
    begins: "import * as torch from 'libtorch-node'\nimport { datasets",
    because: 'needs a folder of images; test/vision/image-folder.test.ts makes one',
  },
  {
    page: 'docs/data.md',
    begins: '// images.ts',
    because: 'two files, over a folder of images; test/vision/image-folder.test.ts has such workers',
  },
  {
    page: 'docs/data.md',
    begins: "import { createReadStream } from 'node:fs'\nimport { parse } from 'csv-parse'",
    because: 'a recipe with a package that is no dependency of this one',
  },
  {
    page: 'docs/data.md',
    begins: 'import { asyncBufferFromFile',
    because: 'a recipe with a package that is no dependency of this one',
  },
  {
    page: 'docs/data.md',
    begins: "import { readFileSync } from 'node:fs'\nimport { tableFromIPC }",
    because: 'a recipe with a package that is no dependency of this one',
  },
]
