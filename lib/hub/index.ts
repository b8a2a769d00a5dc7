/** `torch.hub`: models by name, files from the network and the folder that they are kept in, which is Python's. Rules: torch/hub.py, PyTorch 2.13. */
export { getDir, setDir } from './dir.js'
export {
  type DownloadUrlOptions,
  downloadUrlToFile,
  type LoadStateDictFromUrlOptions,
  loadStateDictFromUrl,
} from './load.js'
export { type HubLoadOptions, type HubOptions, help, list, load } from './repositories.js'
