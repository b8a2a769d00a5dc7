/** Files that somebody made to do harm. */
import { archiveFiles } from './archives.js'
import { payloadFiles } from './payloads.js'
import { pickleFiles } from './pickles.js'
import { tensorFiles } from './tensors.js'

export interface HostileFile {
  name: string
  bytes: Uint8Array
  /** end of its name; 'pt' when it is left out */
  end?: string
}

/**
 * @param marker - the file that payloads try to make
 * @param folder - for files that are needed meanwhile
 */
export function hostileFiles(marker: string, folder: string): HostileFile[] {
  return [...payloadFiles(marker), ...tensorFiles(), ...pickleFiles(), ...archiveFiles(folder)]
}
