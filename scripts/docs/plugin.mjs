/**
 * What the site asks of TypeDoc beyond its options: pages have their headings as titles, in the order of docs/README.md, and a class shows
 * what it adds to the classes that it extends; what it inherits is on their pages (160 layers have the 70 methods of Module). The
 * `@param` lines above a class describe its constructor's parameters.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Comment, Converter, ReflectionKind } from 'typedoc'

const index = join(import.meta.dirname, '..', '..', 'docs', 'README.md')
/** The file names of the pages in the order of the index, itself first. */
const order = [
  'README.md',
  ...[...readFileSync(index, 'utf8').matchAll(/\]\(([\w-]+\.md)\)/g)].map((match) => match[1]),
]

/** @param {import('typedoc').Application} app */
export function load(app) {
  const places = new Map()
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const text = document.content.map((part) => part.text).join('')
    places.set(document, order.indexOf(`${document.name.split('/').pop()}.md`))
    document.name = /^# (.+)$/m.exec(text)?.[1].replaceAll('`', '') ?? document.name
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const list of [project.documents, project.childrenIncludingDocuments])
      list?.sort((a, b) => (places.get(a) ?? Infinity) - (places.get(b) ?? Infinity) || 0)
  })
  app.converter.addUnknownSymbolResolver((reference, from, link) => link && exportNamed(from.project, reference))
  const last = -1e10 // after the plugin that adds the types without an export
  app.converter.on(
    Converter.EVENT_RESOLVE_BEGIN,
    ({ project }) => {
      leaveOutInherited(project)
      leaveOutLooseMembers(project)
      for (const owner of project.getReflectionsByKind(ReflectionKind.Class)) describeConstructor(owner)
    },
    last,
  )
}

/** The export that a comment means by its name as users write it, `ArgumentError` or `torch.getRngState`, though its file does not import it. */
function exportNamed(project, { symbolReference }) {
  const names = (symbolReference?.path ?? []).map(({ path }) => path)
  if (names[0] === 'torch') names.shift()
  const target = names.length > 0 && project.getChildByName(['libtorch-node', ...names])
  return target ? { target } : undefined
}

/** @param {import('typedoc').ProjectReflection} project */
function leaveOutInherited(project) {
  const classes = project.getReflectionsByKind(ReflectionKind.ClassOrInterface)
  const namesOf = new Map(classes.map((owner) => [owner, new Set((owner.children ?? []).map(({ name }) => name))]))
  for (const owner of classes) {
    const base = nearestExported(owner)
    if (!base) continue
    for (const member of [...(owner.children ?? [])]) {
      if (member.flags.isInherited && namesOf.get(base)?.has(member.name)) project.removeReflection(member)
    }
  }
}

/** The nearest class above that users can import. */
function nearestExported(owner) {
  for (const type of owner.extendedTypes ?? []) {
    const base = type.reflection
    if (!base) continue
    return isExported(base) ? base : nearestExported(base)
  }
  return undefined
}

const internalModule = 'Types without an export'
const isExported = (reflection) => reflection.parent?.name !== internalModule

/** The other plugin also lists members that something refers to without their class: they belong on no page. */
function leaveOutLooseMembers(project) {
  const loose = ReflectionKind.Accessor | ReflectionKind.Property | ReflectionKind.Method
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    if (module.name !== internalModule) continue
    for (const child of [...(module.children ?? [])]) if (child.kindOf(loose)) project.removeReflection(child)
  }
}

/** Moves the `@param` lines of a class to the parameters of these names of its constructor. */
function describeConstructor(owner) {
  const signatures = owner.children?.find((member) => member.kind === ReflectionKind.Constructor)?.signatures ?? []
  const parameters = signatures.flatMap((signature) => signature.parameters ?? [])
  for (const tag of owner.comment?.getTags('@param') ?? []) {
    const meant = parameters.filter(({ name }) => name === tag.name)
    for (const parameter of meant) parameter.comment ??= new Comment(Comment.cloneDisplayParts(tag.content))
    if (meant.length > 0) owner.comment.blockTags = owner.comment.blockTags.filter((other) => other !== tag)
  }
}
