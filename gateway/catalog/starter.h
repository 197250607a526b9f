// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogstore.h"

namespace assistiv {

// What a new installation begins with.

/// The catalogue file that the program carries (resources/catalogue/model-catalogue.json).
QByteArray starterCatalogue();

/// Providers that are there from the beginning; ids and times are not set.
QList<Provider> starterProviders();

/// A model of the file with the one provider that serves it; ids and times are not set.
struct StarterModel
{
    Model model;
    QString providerSlug;
    Mapping mapping;
};
/// The models of a catalogue file, and the sandbox's. ValidationError when it breaks a rule; param is the path.
Result<QList<StarterModel>> starterModels(const QByteArray &file);

} // namespace assistiv
