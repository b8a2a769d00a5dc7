/** `torchvision.datasets`: images in folders. */
export { ImageFolder, type ImageFolderOptions, readImage } from './image-folder.js'
