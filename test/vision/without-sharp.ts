/** A program that reads an image where the package sharp is not there. */
import { datasets } from 'libtorch-node/vision'

await datasets
  .readImage('any.png')
  .catch((error: { code: string; message: string }) => console.log(error.code, error.message))
